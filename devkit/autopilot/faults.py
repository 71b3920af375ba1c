"""Faults on demand: what breaks, how often, on which endpoint. The same seed gives the same faults."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

KINDS = (
    "throttle",  # 429; retry_after: any value, none = no header
    "server_error",  # status: 500, 502 or 503; not applied unless applied is true
    "reset_before",  # connection reset, nothing done
    "reset_after",  # done, then connection reset
    "timeout",  # done, then silence for seconds, then the connection closes without an answer
    "slow_list",  # POST /list: done, answered after seconds with a message but no list_id
    "garbage",  # 200 with an HTML page; not applied unless applied is true
)


@dataclass(slots=True)
class Fault:
    """One fault. Without ``times`` it never wears out; ``on`` is an endpoint such as ``POST /contacts``."""

    kind: str
    times: int | None = None
    probability: float = 1.0
    on: str | None = None
    status: int = 503
    retry_after: str | float | None = None
    seconds: float = 30.0
    applied: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if self.times is not None and not (isinstance(self.times, int) and self.times > 0):
            raise ValueError("times must be a whole number above 0")
        if not (isinstance(self.probability, int | float) and 0 <= self.probability <= 1):
            raise ValueError("probability must lie between 0 and 1")
        if not (isinstance(self.seconds, int | float) and self.seconds >= 0):
            raise ValueError("seconds must be a number that is not negative")
        if self.status not in (500, 502, 503):
            raise ValueError("status must be 500, 502 or 503")
        if self.kind == "slow_list":
            self.on = "POST /list"
        if self.kind in ("reset_after", "timeout", "slow_list"):
            self.applied = True


class Faults:
    """The faults in force. ``poison`` holds e-mails (lower-case) that no call may contain."""

    def __init__(self, seed: int = 0) -> None:
        self.active: list[Fault] = []
        self.poison: set[str] = set()
        self.random = Random(seed)  # noqa: S311 (chance for a simulation)

    def add(self, kind: str, **options: Any) -> None:
        """Raises ValueError or TypeError when the fault makes no sense."""
        self.active.append(Fault(kind, **options))

    def clear(self) -> None:
        self.active.clear()
        self.poison.clear()

    def draw(self, endpoint: str) -> Fault | None:
        """Return the fault that befalls this call, if any; the first that matches wins."""
        for fault in tuple(self.active):
            if fault.on not in (None, endpoint) or self.random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.active.remove(fault)
            return fault
        return None

    def change(self, order: Mapping[str, Any]) -> None:
        """Carry out ``{"clear"?, "seed"?, "faults"?: [{"kind", …}], "poison"?: [e-mail]}`` in that order.

        Raises ValueError or TypeError, and then changes nothing.
        """
        unknown = order.keys() - {"clear", "seed", "faults", "poison"}
        if unknown:
            raise ValueError(f"There is no {', '.join(sorted(unknown))}.")
        added = [Fault(**each) for each in order.get("faults", [])]
        poison = {str(email).lower() for email in order.get("poison", [])}
        if order.get("clear"):
            self.clear()
        if "seed" in order:
            self.random.seed(order["seed"])
        self.active += added
        self.poison |= poison

    def as_dict(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) for fault in self.active], "poison": sorted(self.poison)}
