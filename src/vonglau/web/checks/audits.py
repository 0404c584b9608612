"""The audit: chains without gaps, heads where they say they are, checkpoints that are still reached."""

from collections.abc import Iterator

from vonglau.core import audit
from vonglau.web.checks import Place, check

DO = (
    "Somebody changed the audit outside the program, or a backup was restored in part. Keep a copy of the folder as it is; "
    "compare it with the exported checkpoints and the last backup."
)


@check("audit-streams", find="SELECT * FROM core_auditrow WHERE stream = … ORDER BY n", do=DO)
def streams(place: Place) -> Iterator[str]:
    """Every audit stream is an unbroken chain from its first row to its head."""
    for finding in audit.verify_streams():
        yield f"{finding.stream} row {finding.n}: {finding.what}"


@check("audit-checkpoints", find="SELECT * FROM core_checkpoint ORDER BY n; the file checkpoints.jsonl", do=DO)
def checkpoints(place: Place) -> Iterator[str]:
    """Checkpoints form one chain, agree with the exported file, and every stream still reaches what they saw."""
    for finding in audit.verify_checkpoints(place.data / "checkpoints.jsonl"):
        yield f"{finding.stream} row {finding.n}: {finding.what}"
