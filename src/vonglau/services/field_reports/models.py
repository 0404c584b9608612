"""Citizens' reports. What identifies a person stands in a row of its own, which retention or the person may erase."""

from django.db import models
from django.utils.translation import get_language

from vonglau.core.facts import categories
from vonglau.core.lookup import DigestField
from vonglau.core.vault import SealedTextField
from vonglau.core.words import PlainField
from vonglau.services.field_reports import contacts


class Report(models.Model):
    """A report as it may stay for ever: no personal data. The work on it is its incident's."""

    world = models.CharField(max_length=63)
    reference = models.CharField(max_length=40)
    """What the citizen is told: unique within the world, shows the number of the incident it opened."""
    token = models.CharField(max_length=32)
    """Secret of the reporter: who knows it may follow the report without an account."""
    incident = models.ForeignKey("core.Incident", on_delete=models.PROTECT, related_name="reports")
    category = models.CharField(max_length=60)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    ward = models.CharField(max_length=5, blank=True)
    received_at = models.DateTimeField()
    """Of its world's clock."""
    source = models.CharField(max_length=40)
    """Channel: open311, demo, or the name of the mapping that loaded it."""
    sent_by = models.CharField(max_length=120, blank=True)
    """The programme that sent it."""
    external_id = models.CharField(max_length=80, blank=True)
    """Its identity at the source: an Idempotency-Key, or the id in a loaded file."""
    original_category = models.CharField(max_length=120, blank=True)
    """What the source called it, where a mapping translated it."""
    erased_at = models.DateTimeField(null=True)
    """Wall time at which the personal content was erased."""
    hidden_at = models.DateTimeField(null=True)
    """Of its world's clock: since when nobody but its reporter and staff sees it (`hiding.py`)."""

    class Meta:
        app_label = "field_reports"
        constraints = (
            models.UniqueConstraint(fields=("world", "reference"), name="report_reference"),
            models.UniqueConstraint(
                fields=("world", "source", "sent_by", "external_id"),
                condition=~models.Q(external_id=""),
                name="report_identity",
            ),
        )
        indexes = (
            models.Index(fields=("world", "-received_at", "-id"), name="report_recent"),
            models.Index(fields=("world", "category", "-received_at"), name="report_category"),
            models.Index(fields=("world", "lat", "lon"), name="report_point"),
        )

    def __str__(self) -> str:
        return self.reference

    @property
    def category_name(self) -> str:
        """In the reader's language; its code where the category is gone."""
        known = categories().get(self.category)
        return known.name["en" if (get_language() or "vi").startswith("en") else "vi"] if known else self.category


SEALED = ("contact_name", "email", "phone", "address", "device_id", "account_id")
"""What is sealed of a content: lists defer it, since opening costs and a list never shows it."""


class Content(models.Model):
    """What the citizen wrote and how to reach them: personal data, never copied anywhere else.

    Contacts are sealed by the vault; they can be looked up by their exact value through the digests beside them.
    """

    report = models.OneToOneField(Report, on_delete=models.CASCADE, related_name="content")
    description = models.TextField(blank=True)
    """The words as written: for staff whose task needs them, each look audited (`words.as_written`)."""
    public_words = models.TextField(blank=True)
    """The words as anybody may read them: numbers, plates and addresses of mail covered. The only form that is shown or searched."""
    masks = models.JSONField(default=dict)
    """What a person covered or showed beyond the rules: `words.by_hand` reads it, `words.mask` writes it."""
    contact_name = SealedTextField(blank=True)
    email = SealedTextField(blank=True)
    phone = SealedTextField(blank=True)
    address = SealedTextField(blank=True)
    """Words for the place: often somebody's home."""
    media_url = models.CharField(max_length=2000, blank=True)
    """Links to pictures or films elsewhere, one a line."""
    device_id = SealedTextField(blank=True)
    account_id = SealedTextField(blank=True)
    attributes = models.JSONField(default=dict)
    """Answers to the category's own questions: {code: text or [key, …]}."""
    contacts_kept = models.BooleanField(default=True)
    """False once retention has taken the contacts."""
    email_digest = DigestField(of="email_exact")
    phone_digest = DigestField(of="phone_exact")

    class Meta:
        app_label = "field_reports"

    def __str__(self) -> str:
        return f"content of report {self.report_id}"

    @property
    def email_exact(self) -> str:
        return contacts.email_of(self.email)

    @property
    def phone_exact(self) -> str:
        return contacts.phone_of(self.phone)


class Original(models.Model):
    """A photo as it was sent, sealed in a file of its own under a key that is kept here, sealed too: without this row nothing opens it."""

    evidence = models.OneToOneField("core.Evidence", on_delete=models.CASCADE, related_name="original")
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="originals")
    name = models.CharField(max_length=32, unique=True)
    """Of the file, random: it says nothing of what is in it."""
    key = SealedTextField()
    size = models.PositiveIntegerField()
    kept_at = models.DateTimeField()

    class Meta:
        app_label = "field_reports"


class PhotoReview(models.Model):
    """What of a citizen's photo may be shown. Nothing while it waits."""

    evidence = models.OneToOneField("core.Evidence", on_delete=models.CASCADE, related_name="review")
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="photos")
    state = models.CharField(max_length=10, default="waiting")
    """waiting | masked | passed | withheld"""
    boxes = models.JSONField(default=list)
    """What is covered: [[x, y, width, height], …] in pixels of the picture."""
    proposed = models.JSONField(default=list)
    """What a detector would cover, likewise."""
    detector = models.CharField(max_length=80, blank=True)
    """Which one was asked."""
    public_sha256 = models.CharField(max_length=64, blank=True)
    """The picture that anybody may see."""
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(null=True)
    """Who decided, and when."""
    created_at = models.DateTimeField()

    class Meta:
        app_label = "field_reports"
        indexes = (models.Index(fields=("state", "id"), name="photo_review_queue"),)


class PublicReport(models.Model):
    """What anybody may see of a report: nothing in it is hidden from anybody, and what nobody may see has no row.

    Written in the transaction that changes what it is derived from (`published/writing.py`), never by hand; `vonglau check` derives it
    again and compares. A merged report stands where its keeper stands.
    """

    report = models.OneToOneField(Report, on_delete=models.CASCADE, primary_key=True, related_name="public")
    world = models.CharField(max_length=63)
    reference = models.CharField(max_length=40)
    category = models.CharField(max_length=60)
    level = models.CharField(max_length=20)
    ward = models.CharField(max_length=5, blank=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    place = models.CharField(max_length=200, blank=True)
    """What its incident calls the place: the ward, never an address."""
    cell = models.BigIntegerField(null=True)
    """The point as one number (`published/cells.py`)."""
    agency = models.ForeignKey("core.Agency", on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=12)
    outcome = models.CharField(max_length=12, blank=True)
    running = models.BooleanField()
    """Whether a result is still to come."""
    waiting = models.BooleanField(default=False)
    """For the citizen: the clock is paused."""
    reopened = models.PositiveSmallIntegerField(default=0)
    was_late = models.BooleanField(default=False)
    """A result came after its deadline, and was withdrawn."""
    planned_for = models.DateField(null=True)
    merged = models.BooleanField(default=False)
    keeper = models.CharField(max_length=40, blank=True)
    """Number of the report it was merged into; empty where the incident it was merged into had none."""
    joined = models.PositiveIntegerField(default=0)
    """How many other reports were merged into it."""
    received_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    took = models.PositiveIntegerField(null=True)
    """Whole minutes from receipt to result, nights and holidays too."""
    updated_at = models.DateTimeField()
    """Its last step that the public is told."""
    receive_due = models.DateTimeField(null=True)
    handle_due = models.DateTimeField(null=True)
    words = models.TextField(blank=True)
    """The citizen's, covered, and only once the desk has verified the report."""
    photo = models.BigIntegerField(null=True)
    """The first public one (`PhotoReview`)."""
    photos = models.PositiveSmallIntegerField(default=0)
    plain = PlainField(of=("reference", "words"))
    """What a search reads."""

    class Meta:
        app_label = "field_reports"
        constraints = (models.UniqueConstraint(fields=("world", "reference"), name="public_reference"),)
        indexes = (
            # Boxes and counts over them are answered from this index alone.
            models.Index(
                fields=("world", "cell", "received_at", "merged", "running", "category", "lon", "lat"),
                name="public_cell",
            ),
            models.Index(fields=("world", "-received_at", "-report", "lon", "lat"), name="public_recent"),
            models.Index(fields=("world", "running", "-received_at", "-report"), name="public_running"),
            models.Index(fields=("world", "category", "-received_at", "-report"), name="public_category"),
            models.Index(fields=("world", "ward", "-received_at", "-report"), name="public_ward"),
            models.Index(fields=("world", "agency", "-received_at", "-report"), name="public_agency"),
            models.Index(fields=("world", "updated_at", "report"), name="public_updated"),
            models.Index(fields=("world", "resolved_at"), name="public_resolved"),
        )

    def __str__(self) -> str:
        return self.reference


class Voice(models.Model):
    """Somebody around a report: who sent it, who has the same trouble, who wants to know. No account; a secret link of their own."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="voices")
    part = models.CharField(max_length=10)
    """reporter | joined | follower"""
    token = models.CharField(max_length=32, unique=True)
    """Secret: who knows it reads, rates, objects and ends the news."""
    channel = models.CharField(max_length=10, blank=True)
    """email | push | webhook | sms | zalo; empty: the page alone."""
    address = SealedTextField(blank=True)
    """An e-mail address, a telephone number, an address of a webhook, or a browser's subscription (JSON)."""
    address_digest = DigestField(of="address_exact")
    secret = SealedTextField(blank=True)
    """`whsec_…`: signs what a webhook is sent."""
    code = models.CharField(max_length=32, blank=True)
    """Stands in the message that asks for confirmation, and nowhere else."""
    language = models.CharField(max_length=2, default="vi")
    site = models.CharField(max_length=200, blank=True)
    """Where it reached us, for links in messages where VONGLAU_ORIGIN is not set."""
    device = models.CharField(max_length=64, blank=True)
    """Keyed digest of the browser's own mark; empty once retention has taken it."""
    network = models.CharField(max_length=64, blank=True)
    """Keyed digest of network address and kind of device, likewise: one of them adds one to the count."""
    confirmed_as = models.CharField(max_length=64, blank=True)
    """Keyed digest of the address that said yes, kept when it wants no more news, likewise: one address is one person."""
    counted = models.BooleanField(default=True)
    """Whether it adds to the number of people: not a second time from one browser, network or address."""
    sent_by = models.CharField(max_length=120, blank=True)
    """The programme that made it, for one that follows over the API."""
    created_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)
    """When its address was last asked for confirmation."""
    asked = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    """Nothing but that question is sent before. Moments of a voice are wall time."""
    ended_at = models.DateTimeField(null=True)
    """It wants no more news, or its address was gone."""

    class Meta:
        app_label = "field_reports"
        constraints = (
            models.UniqueConstraint(fields=("report",), condition=models.Q(part="reporter"), name="voice_reporter"),
        )
        indexes = (models.Index(fields=("confirmed_at", "asked_at"), name="voice_unconfirmed"),)

    def __str__(self) -> str:
        return f"voice {self.pk}"

    @property
    def address_exact(self) -> str:
        if self.channel == "email":
            return contacts.email_of(self.address)
        return contacts.phone_of(self.address) if self.channel in ("sms", "zalo") else self.address

    @property
    def told(self) -> bool:
        """Whether news goes to it."""
        return bool(self.channel and self.address and self.confirmed_at and not self.ended_at)


class Question(models.Model):
    """An address was asked whether it wants news: remembered for a day, whatever becomes of its voice, so that nobody's letter box is
    filled by others."""

    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="questions")
    address = models.CharField(max_length=64, db_index=True)
    """Keyed digest."""
    at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "field_reports"

    def __str__(self) -> str:
        return f"question {self.pk}"


class Verdict(models.Model):
    """What a voice thinks of a result: one for each result, so that the one after a reopening is judged anew."""

    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="verdicts")
    incident = models.ForeignKey("core.Incident", on_delete=models.PROTECT, related_name="verdicts")
    """Whose result it was: of a merged report its keeper."""
    round = models.PositiveSmallIntegerField()
    """How often that had been reopened before."""
    score = models.PositiveSmallIntegerField()
    """1 bad … 5 good."""
    objects_to = models.BooleanField(default=False)
    """Whether it asked for the matter to be taken up again."""
    note = models.ForeignKey("core.Note", on_delete=models.SET_NULL, null=True, related_name="+")
    """The words as written, in their erasable row under the chain."""
    public_words = models.TextField(blank=True)
    """The words with numbers, plates and addresses of mail covered: the only form that may ever be shown to others than the desk."""
    at = models.DateTimeField()
    """Of its world's clock."""

    class Meta:
        app_label = "field_reports"
        constraints = (
            models.UniqueConstraint(fields=("voice", "incident", "round"), name="verdict_once"),
            models.CheckConstraint(condition=models.Q(score__range=(1, 5)), name="verdict_score"),
        )
        indexes = (models.Index(fields=("incident", "-at"), name="verdict_incident"),)

    def __str__(self) -> str:
        return f"verdict {self.pk}"
