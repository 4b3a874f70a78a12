"""Which faults a step is tried with, and what may come of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rivals import RIVALS, Rival

from reelbase.errors import (
    CommitConflictError,
    CommitOutcomeUnknownError,
    DatasetExistsError,
    OutcomeUnknownError,
    StorageError,
    StorageFullError,
    UsageError,
)
from reelbase.testing import Fault
from reelbase.testing.faults import (
    Call,
    Chain,
    Delayed,
    Full,
    Interleave,
    Lasting,
    NoReply,
    OwnEcho,
    Refused,
    ReplyCut,
    Stop,
    StopAfter,
    Torn,
)

UNKNOWN = (CommitOutcomeUnknownError, OutcomeUnknownError)
_LATER = 10**9


@dataclass(frozen=True)
class Trial:
    """A fault to try.

    Attributes:
        name: Of it.
        fault: Makes one.
        errors: What a step may raise.
        where: To which operations it is done.
        overcome: At which of them nobody may notice it.
        late: Whether an effect comes when all is over.
    """

    name: str
    fault: Callable[[], Fault]
    errors: tuple[type[Exception], ...] = ()
    where: Callable[[Call], bool] = lambda _: True
    overcome: Callable[[Call], bool] = lambda _: False
    late: bool = False

    def fits(self, call: Call) -> bool:
        """Whether it can be done to an operation."""
        return self.where(call) and self.fault().fits(call)

    def may_raise(self, call: Call) -> tuple[type[Exception], ...]:
        """What a step may raise when it was done to `call`."""
        return () if self.overcome(call) else self.errors


def _is_hint(call: Call) -> bool:
    return call.kind == "put" and call.key.endswith("/latest")


def _is_claim(call: Call) -> bool:
    return call.kind == "put" and call.if_absent


def _is_minor(call: Call) -> bool:
    """Claims are repeated, and hints are not needed."""
    return _is_claim(call) or _is_hint(call)


def _may_tear(key: str) -> bool:
    """Hints, and objects that no commit names yet."""
    return key.endswith("/latest") or key.startswith(("packs/", "blobs/", "index/"))


def _is_write(call: Call) -> bool:
    """Where nothing is done, a lost reply is a refusal, and a death after it is one before the next operation."""
    return call.writes


_STOPS = (
    Trial("dies before", Stop),
    Trial("dies after", StopAfter, where=_is_write),
    Trial("torn", lambda: Torn(_may_tear)),
    Trial("arrives after its process died", lambda: Chain(Delayed(_LATER), Stop()), (StorageError,), late=True),
)
_ONCE = (
    Trial("reply cut", ReplyCut, (StorageError,), where=_is_write, overcome=_is_minor),
    Trial("no reply", NoReply, (StorageError,), where=_is_write, overcome=_is_minor),
    Trial("own echo", OwnEcho, overcome=_is_claim),
    Trial("own echo that cannot be read", lambda: Chain(OwnEcho(), Refused()), overcome=_is_claim),
    Trial("refused", Refused, (StorageError,), overcome=_is_hint),
    Trial("full", Full, (StorageFullError,), overcome=_is_hint),
    Trial("delayed by one", Delayed, (StorageError,), overcome=_is_minor),
    Trial("delayed by three", lambda: Delayed(3), (StorageError,), overcome=_is_minor),
)
_LASTING = (
    Trial("replies stay away, effects do not", lambda: Lasting(ReplyCut()), (StorageError, *UNKNOWN), where=_is_write),
    Trial("silent from here on", lambda: Lasting(NoReply()), (StorageError, *UNKNOWN), where=_is_write),
    Trial("refuses from here on", lambda: Lasting(Refused()), (StorageError,)),
    Trial("full from here on", lambda: Lasting(Full()), (StorageFullError,)),
    Trial("claim done, then cut off", lambda: Chain(ReplyCut(), Lasting(Refused())), UNKNOWN, where=_is_claim),
    Trial("claim not done, then cut off", lambda: Chain(NoReply(), Lasting(Refused())), UNKNOWN, where=_is_claim),
)
TRIALS = (*_STOPS, *_ONCE, *_LASTING)


@dataclass(frozen=True)
class Meeting:
    """Another writer that comes in between."""

    rival: Rival

    @property
    def name(self) -> str:
        """What it does."""
        return f"another writer {self.rival.name}"

    def trial(self, action: Callable[[], object], *, meets: bool) -> Trial:
        """It as a trial; if the step meets it, one of them may have to give way."""
        errors = (CommitConflictError, DatasetExistsError, UsageError) if meets else ()
        return Trial(self.name, lambda: Interleave(action), errors)


MEETINGS = tuple(Meeting(rival) for rival in RIVALS)
