"""The error tree. A message is advice: what is wrong, where, and what to do.

    VongLauError
    ├── BadInput              what came in cannot be used              (HTTP 400/422, exit 2)
    │   ├── BadFile           a file that was given to a command
    │   └── BadManifest       a service that cannot be part of this city
    ├── NotAllowed            the policy says no                       (HTTP 403)
    ├── NotFound              no such thing in this world              (HTTP 404)
    ├── Conflict              the thing has moved on since it was read (HTTP 409)
    │   └── StepNotPossible   the state table has no such step from here
    ├── Unavailable           try again later; nothing was kept        (HTTP 503, Retry-After)
    │   ├── NothingYet        no event log has been made here yet
    │   ├── Overloaded        too much at once                         (HTTP 429)
    │   └── StorageFull       no room left on the disk                 (HTTP 507)
    ├── Locked                a secret is missing, open to others, or does not open (HTTP 500, exit 2)
    └── Broken                a check of integrity failed              (HTTP 500, exit 1)

`except Exception` stands only in supervisors (the worker's loop, the door's writer). Foreign exceptions are translated at
the edge and chained.
"""


class VongLauError(Exception):
    """Something went wrong inside Vọng Lâu."""

    status = 500
    title = "Internal error"

    def __init__(self, message: str | None = None, **extra: object) -> None:
        super().__init__(message or self.__doc__)
        self.extra = extra
        """Members added to the RFC 9457 problem document: plain data only."""

    @property
    def message(self) -> str:
        return str(self.args[0])


class BadInput(VongLauError):
    """The input cannot be used as it is."""

    status = 400
    title = "Bad input"


class BadFile(BadInput):
    """The file cannot be read; check its path, its format and its mapping."""

    title = "Bad file"


class BadManifest(BadInput):
    """A service's manifest cannot be used; `vonglau service check` says what to do."""

    title = "Bad manifest"


class NotAllowed(VongLauError):
    """Your role does not allow this here."""

    status = 403
    title = "Not allowed"


class NotFound(VongLauError):
    """There is no such thing in this world."""

    status = 404
    title = "Not found"


class Conflict(VongLauError):
    """Somebody else changed this in the meantime; reload and try again."""

    status = 409
    title = "Conflict"


class StepNotPossible(Conflict):
    """The incident's state does not allow this step."""

    title = "Step not possible"


class Unavailable(VongLauError):
    """Not available just now; nothing was kept, try again."""

    status = 503
    title = "Unavailable"
    retry_after = 2


class NothingYet(Unavailable):
    """No event log has been made here yet: nothing has happened."""


class Overloaded(Unavailable):
    """Too much at once; slow down and try again."""

    status = 429
    title = "Too many requests"


class StorageFull(Unavailable):
    """No room left on the disk; nothing was kept. Free space and try again."""

    status = 507
    title = "Storage full"
    retry_after = 30


class Locked(VongLauError):
    """A secret cannot be used: its file is missing or open to others, or it was sealed with a key we do not have."""

    title = "Secret cannot be used"


class Broken(VongLauError):
    """An integrity check failed."""

    title = "Integrity check failed"
