"""Versions of orchestrations: which one a new instance gets, and which ones a host takes turns of.

As in the extension (Microsoft Learn, "Orchestration versioning"; DurableTask.Core, VersioningSettings): an instance keeps
its version for life, new generations (continue-as-new) included, and an instance without one is older than any other.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Match(StrEnum):
    """Of which instances a host takes turns."""

    NONE = "None"
    STRICT = "Strict"
    CURRENT_OR_OLDER = "CurrentOrOlder"


class VersionFailure(StrEnum):
    """What becomes of the others: they wait for another host, or fail."""

    REJECT = "Reject"
    FAIL = "Fail"


@dataclass(frozen=True)
class Versions:
    """The part of host.json's `durableTask` that is about versions. `default` is empty when there is none."""

    default: str = ""
    match: Match = Match.CURRENT_OR_OLDER
    failure: VersionFailure = VersionFailure.REJECT

    @classmethod
    def of(cls, durable: dict[str, Any]) -> "Versions":
        """Read them. Raises ValueError for a strategy that does not exist."""
        return cls(
            str(durable.get("defaultVersion") or ""),
            Match(durable.get("versionMatchStrategy", Match.CURRENT_OR_OLDER)),
            VersionFailure(durable.get("versionFailureStrategy", VersionFailure.REJECT)),
        )

    def refuse(self, version: str) -> bool:
        """Whether a host must not take turns of an instance of this version."""
        if self.match == Match.NONE:
            return False
        order = compare(version, self.default)
        return order != 0 if self.match == Match.STRICT else order > 0


UNVERSIONED = Versions()


def compare(one: str, other: str) -> int:
    """Negative if `one` is older than `other`, 0 if they are the same. Numbers with dots are compared as numbers."""
    if not one or not other:
        return bool(one) - bool(other)
    numbers = _numbers(one), _numbers(other)
    if numbers[0] and numbers[1]:
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])
    return (one.casefold() > other.casefold()) - (one.casefold() < other.casefold())


def _numbers(version: str) -> tuple[int, ...] | None:
    """What .NET's System.Version takes: two to four numbers."""
    parts = version.split(".")
    if 2 <= len(parts) <= 4 and all(part.isascii() and part.isdecimal() for part in parts):
        return tuple(map(int, parts))
    return None
