"""What a result must show. Which outcomes of which kind need proof is data (`IncidentKind.proof`), as a city decides it.

Proof is a photo that staff put under the incident since it was last assigned or reopened, with its time and its place. The audit
stream knows all of that and cannot be rewritten; a citizen's own photo is never proof that the work was done.
"""

from vonglau.core import audit
from vonglau.core.errors import BadInput
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.incidents.states import AGENCY, DESK, Step
from vonglau.core.seams import incident_kinds

STAFF = AGENCY | DESK
ANEW = frozenset({Step.ASSIGN, Step.TRANSFER, Step.REOPEN})
"""Steps from which on new proof is needed."""


def needed(kind: str, outcome: str) -> bool:
    """Whether an incident of this kind may end with this outcome only when it is shown."""
    known = incident_kinds().get(kind)
    return known is not None and outcome in known[1].proof


def since_assignment(incident: Incident) -> dict[str, bool]:
    """SHA-256 of each photo that staff added since the last assignment → whether it is said where it was taken."""
    found: dict[str, bool] = {}
    spent: set[str] = set()
    for _row, body in audit.rows(incident.stream):
        if body.get("step") in ANEW:
            spent |= found.keys()
            found.clear()
        elif body.get("step") == "evidence":
            sha = str(body.get("sha256"))
            if body.get("role") not in STAFF:
                spent.add(sha)
            elif sha not in spent:
                found[sha] = found.get(sha, False) or bool(body.get("placed"))
    return found


def shown(incident: Incident) -> list[Evidence]:
    """The photos that prove it now, the first one first."""
    placed = [sha for sha, where in since_assignment(incident).items() if where]
    return list(incident.evidence.filter(sha256__in=placed))


def check(incident: Incident, outcome: str) -> None:
    """Raises BadInput with pointer /photo (none since the assignment) or /place (none says where), reason `proof`."""
    if not needed(incident.kind, outcome) or shown(incident):
        return
    if since_assignment(incident):
        raise BadInput(
            f"{outcome!r} needs a photo that says where it was taken: `place`, or `lon` and `lat`.",
            pointer="/place",
            reason="proof",
        )
    raise BadInput(
        f"{outcome!r} needs proof: first attach a photo taken since it was assigned, with its place.",
        pointer="/photo",
        reason="proof",
    )
