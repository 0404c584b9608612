"""Photos that go for good: the sealed original, our picture, and every public form of it. The rows stay, since the chain speaks of them."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from vonglau.core.incidents import files
from vonglau.core.incidents.models import Evidence
from vonglau.services.field_reports.models import Original, PhotoReview, Report
from vonglau.services.field_reports.photos import originals, reviews


def picture(evidence: Evidence) -> None:
    """Our picture as it was sent. Another incident's, or a public one, of the same bytes stays. In the caller's transaction."""
    Evidence.objects.filter(pk=evidence.pk).update(erased_at=timezone.now(), caption="", lon=None, lat=None, place="")
    transaction.on_commit(partial(reviews.discard, evidence.sha256))


def forget(report: Report) -> int:
    """Everything that was sent with a report, public or not; how many photos. In the caller's transaction."""
    for original in Original.objects.filter(report=report):
        original.delete()
        transaction.on_commit(partial(originals.path_of(original.name).unlink, missing_ok=True))
    found = list(PhotoReview.objects.filter(report=report).select_related("evidence"))
    for review in found:
        shown, review.public_sha256, review.state = review.public_sha256, "", "withheld"
        review.boxes, review.proposed = [], []
        review.save(update_fields=["public_sha256", "state", "boxes", "proposed"])
        picture(review.evidence)
        if shown:
            transaction.on_commit(partial(reviews.discard, shown))
    return len(found)


def unlink_kept() -> None:
    """The files of pictures whose rows say that they were erased: after a restore, which brings files back but not their erasure."""
    for sha256 in Evidence.objects.exclude(erased_at=None).values_list("sha256", flat=True).distinct():
        if files.path_of(sha256).exists():
            reviews.discard(sha256)
