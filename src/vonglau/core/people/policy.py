"""Who may do what. The only place that knows; pages, API and gateways ask here.

Operators and supervisors run the desk; agencies act on their own incidents; leaders read; administrators manage accounts and do not act
on incidents; tokens do what their scopes say; the system does what the state table gives it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vonglau.core.incidents.states import ENDED, State, Step, find, rules_from

if TYPE_CHECKING:
    from vonglau.core.incidents.models import Incident
    from vonglau.core.people.models import ApiToken, User

SCOPES = (
    "events:write",
    "events:read",
    "read",
    "incidents:write",
    "reports:write",
    "quarantine:write",
    "webhooks:write",
)
"""`read` covers every list and stream of the API; `events:read` the log alone."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account, a token, the system or a reporter. Only `name` and `role` enter the audit chain."""

    name: str
    role: str
    agency_id: int | None = None
    agency_code: str = ""
    scopes: frozenset[str] = frozenset()
    world: str | None = None
    """A token's world, where it reads and writes unless it names another of its own. None: any (accounts)."""
    more_worlds: frozenset[str] = frozenset()
    token_id: int | None = None

    def may_enter(self, world: str) -> bool:
        """Whether it may read and write there at all: accounts everywhere, a token in its own worlds."""
        return self.world is None or world == self.world or world in self.more_worlds

    @staticmethod
    def of_user(user: "User") -> "Actor":
        agency = user.agency
        return Actor(user.username, user.role, agency.pk if agency else None, agency.code if agency else "")

    @staticmethod
    def of_token(token: "ApiToken") -> "Actor":
        role = "operator" if "incidents:write" in token.scopes else "token"
        return Actor(
            f"token:{token.name}",
            role,
            scopes=frozenset(token.scopes),
            world=token.world,
            more_worlds=frozenset(token.more_worlds),
            token_id=token.pk,
        )


SYSTEM = Actor("system", "system")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed, or why not in words for the person: looked up when they are read, for a list asks a thousand times and reads none."""

    allowed: bool
    why: str | Promise = ""

    @property
    def reason(self) -> str:
        return str(self.why)

    def __bool__(self) -> bool:
        return self.allowed


YES = Verdict(True)


def may_step(actor: Actor, incident: "Incident", step: str) -> Verdict:
    """May this actor make this step on this incident now? The state table decides; two rows need more than a role."""
    rule = find(incident.state, step)
    if rule is None:
        return Verdict(False, _("Bước này không có từ trạng thái hiện tại."))
    if not actor.may_enter(incident.world):
        return Verdict(False, _("Khóa truy cập thuộc thế giới khác."))
    if actor.role not in rule.roles:
        return Verdict(False, _("Vai trò của bạn không được làm bước này."))
    if rule.own and actor.role == "agency" and not _in_hands_of(actor, incident):
        return Verdict(False, _("Sự việc không được giao cho cơ quan của bạn."))
    if step == Step.CLOSE and incident.origin == "alert" and actor.role == "operator":
        return Verdict(False, _("Sự việc từ cảnh báo do trưởng ca xác nhận trước khi đóng."))
    if step == Step.PAUSE and incident.paused_at is not None:
        return Verdict(False, _("Đồng hồ đang tạm dừng."))
    if step == Step.RESUME and incident.paused_at is None:
        return Verdict(False, _("Đồng hồ không tạm dừng."))
    return YES


def steps(actor: Actor, incident: "Incident") -> list[str]:
    """The steps this actor may make now, in the table's order: what the page offers."""
    return [rule.step for rule in rules_from(incident.state) if may_step(actor, incident, rule.step)]


def _in_hands_of(actor: Actor, incident: "Incident") -> bool:
    """An agency is its code: under an older name it is the same."""
    return incident.agency is not None and bool(actor.agency_code) and incident.agency.code == actor.agency_code


def may_see(actor: Actor, incident: "Incident") -> bool:
    """The centre sees all; an agency what is or was put in its hands; a token what its scope and world allow."""
    if actor.role == "agency":
        return _in_hands_of(actor, incident)
    if actor.world is not None:
        return bool(actor.scopes & {"read", "incidents:write"}) and actor.may_enter(incident.world)
    return actor.role in {"operator", "supervisor", "leader", "administrator", "system"}


def may_see_centre(actor: Actor) -> bool:
    """The board, alerts, quarantine counts and indicators of the whole city. Of a token its scopes say so, not its role."""
    if actor.world is not None:
        return "read" in actor.scopes
    return actor.role in {"operator", "supervisor", "leader", "administrator"}


def may_mend_quarantine(actor: Actor) -> bool:
    if actor.world is not None:
        return "quarantine:write" in actor.scopes
    return actor.role in {"supervisor", "operator", "administrator"}


def may_see_quarantine(actor: Actor) -> bool:
    """Whoever mends it, and programmes that may read everything: a sender should see why an item was kept back."""
    return may_mend_quarantine(actor) or "read" in actor.scopes


def may_manage_webhooks(actor: Actor) -> bool:
    """Who may have programmes told: administrators, and tokens that may also read what would be told."""
    if actor.world is not None:
        return {"webhooks:write", "read"} <= actor.scopes
    return actor.role == "administrator"


def may_administer(actor: Actor) -> bool:
    return actor.role == "administrator"


def may_see_health(actor: Actor) -> bool:
    """How the installation itself does. A token asks /readyz and /metrics."""
    return actor.world is None and actor.role in {"supervisor", "leader", "administrator"}


def may_see_health_in_full(actor: Actor) -> bool:
    """Hosts, processes and versions: for who can do something about them."""
    return actor.world is None and actor.role in {"supervisor", "administrator"}


def final(state: str) -> bool:
    """A state nobody leaves except by reopening."""
    return State(state) in ENDED
