"""The outboxes: notices to people and programmes, and events on their way to the log."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from vonglau.core.vault import SealedTextField


class NoticeState(models.TextChoices):
    """The outbox's state machine; `notify/outbox.py` holds every step of it."""

    PENDING = "pending", _("Chờ gửi")
    SENDING = "sending", _("Đang gửi")
    DELIVERED = "delivered", _("Đã giao")
    FAILED = "failed", _("Không giao được")
    CANCELLED = "cancelled", _("Không cần nữa")
    DISCARDED = "discarded", _("Đã bỏ")
    HELD = "held", _("Chờ người quyết định")
    """After a restore it may have gone out already: `core/holding.py`."""


class Endpoint(models.Model):
    """Where a programme wants to be told: a webhook of one world, with the rights of one audience."""

    name = models.CharField(max_length=100)
    url = models.CharField(max_length=500)
    world = models.CharField(max_length=63)
    types = models.JSONField(default=list)
    """CloudEvents types, exact or with a trailing `*`."""
    agency = models.ForeignKey("core.Agency", on_delete=models.PROTECT, null=True, related_name="endpoints")
    """The audience: null is the centre; an agency is told of the incidents in its hands, and nothing else."""
    token = models.ForeignKey("core.ApiToken", on_delete=models.PROTECT, null=True, related_name="endpoints")
    """The token that made it, if one did: no longer than that is valid is anything queued."""
    secret = SealedTextField()
    """`whsec_…`: signs what is sent."""
    old_secret = SealedTextField(blank=True)
    """Signs beside the new one until `old_until`, so that a receiver can change over without losing anything."""
    old_until = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True)
    """While paused nothing is queued for it, and what waits is held."""
    paused_why = models.CharField(max_length=10, blank=True)
    """hand | gone (it answered 410)"""
    removed_at = models.DateTimeField(null=True)
    """Removed endpoints keep their row, without secrets, so that old notices keep their name."""
    hold_until = models.DateTimeField(null=True)
    """It failed several times, or asked for a rest (Retry-After): nothing is sent to it before this moment."""
    failures = models.PositiveIntegerField(default=0)
    """In a row, since the last success."""
    last_ok_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        indexes = (models.Index(fields=("world", "removed_at"), name="endpoint_world"),)

    def __str__(self) -> str:
        return self.name

    @property
    def lane(self) -> str:
        return f"webhook/{self.pk}"

    @property
    def active(self) -> bool:
        return self.paused_at is None and self.removed_at is None


class PushDevice(models.Model):
    """A browser that shows an account's notices of one world (Web Push, RFC 8030)."""

    user = models.ForeignKey("core.User", on_delete=models.CASCADE, related_name="devices")
    world = models.CharField(max_length=63)
    digest = models.CharField(max_length=64)
    """SHA-256 of the subscription's address: what the browser shows to say which one it is."""
    subscription = SealedTextField()
    """JSON: the address and the browser's two keys. Whoever has the address can send to the device."""
    label = models.CharField(max_length=100)
    """As its owner recognises it: browser and system."""
    created_at = models.DateTimeField()
    last_ok_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("digest", "world"), name="push_device"),)

    def __str__(self) -> str:
        return self.label


class NoticeChoices(models.Model):
    """What an account wants to be told, and how; absent: the defaults of `notify/kinds.py`."""

    user = models.OneToOneField("core.User", on_delete=models.CASCADE, related_name="notice_choices")
    channels = models.JSONField(default=dict)
    """Kind → list of channels."""
    quiet_from = models.TimeField(null=True)
    quiet_to = models.TimeField(null=True)
    """Between these, local time, only urgent notices come; the others wait until the quiet hours end."""

    class Meta:
        app_label = "core"


class Notice(models.Model):
    """One message to one recipient over one channel. The key is stable: sent again under the same key after a crash."""

    key = models.CharField(max_length=200, unique=True)
    world = models.CharField(max_length=63)
    kind = models.CharField(max_length=20, default="assigned")
    channel = models.CharField(max_length=20)
    lane = models.CharField(max_length=40, default="email")
    """The queue it stands in: one for each webhook endpoint, one for each other channel."""
    recipient = models.CharField(max_length=254)
    """An address, or an endpoint's or a device's name: for people to read."""
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, null=True, related_name="notices")
    device = models.ForeignKey(PushDevice, on_delete=models.SET_NULL, null=True, related_name="notices")
    subject = models.CharField(max_length=300)
    body = models.TextField()
    about = models.CharField(max_length=120, blank=True)
    """What it is about (an incident's stream): an acknowledgement there stops notices that have not begun."""
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    """How often a send was begun; the number of the running one while sending: its fencing token."""
    attempts_before = models.PositiveSmallIntegerField(default=0)
    """Attempts before a person had it tried anew: the back-off starts over."""
    stop = models.BooleanField(default=False)
    """Acknowledged while it was being sent: that send may finish, no other starts."""
    uncertain = models.PositiveSmallIntegerField(default=0)
    """Sends that never came back: each may have arrived."""
    next_at = models.DateTimeField()
    """Wall time. Pending: when it is due. Sending: when the send is taken for dead."""
    expires_at = models.DateTimeField()
    """Wall time after which no further attempt starts."""
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        indexes = (
            models.Index(fields=("state", "lane", "next_at", "id"), name="notice_due"),
            models.Index(fields=("state", "expires_at"), name="notice_expires"),
            models.Index(fields=("about", "state"), name="notice_about"),
            models.Index(fields=("world", "state", "-id"), name="notice_page"),
        )


class NoticeAttempt(models.Model):
    """One try to send a notice: begun before anything leaves the house, ended when it came back."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="log")
    n = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, default="began")
    """began | delivered | failed | uncertain (never came back) | stopped (acknowledged before it left)"""
    status = models.PositiveSmallIntegerField(null=True)
    """What the other side answered, where it speaks HTTP."""
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("notice", "n"), name="notice_attempt"),)


class Publication(models.Model):
    """An event on its way to the log: written with the change it reports, sent by the worker under its stable id."""

    world = models.CharField(max_length=63)
    event_id = models.CharField(max_length=100, unique=True)
    body = models.BinaryField()
    """The CloudEvent as structured JSON."""
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        indexes = (models.Index(fields=("sent_at", "id"), name="publication_due"),)
