"""The words that the portal says by themselves, each a message of the context *word*; and the reasons of rejects."""

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from shared.domain.access import Role
from shared.domain.connection import AlertShape, ConnectionStatus, Sharing
from shared.domain.email_address import EmailFault
from shared.domain.erasure import ErasureStatus
from shared.domain.export import Blank, DateOrder, FieldType, Leavers
from shared.domain.run import Decision, RunStatus, Stage, Trigger
from shared.domain.schedule import Recurrence, RefreshRecurrence, Weekday
from shared.domain.segment import SnapshotMode, SourceFormat
from shared.domain.standing import Condition
from shared.pipeline.reading import BrokenCode
from shared.pipeline.rejects import RejectReason
from shared.usecases.connections import removal
from shared.usecases.exports.views import NOT_STARTED, Permission

_ADAPTERS = Path(__file__).parents[2] / "shared" / "adapters"

_ENUMS: tuple[type[StrEnum], ...] = (
    RunStatus,
    Stage,
    Trigger,
    Role,
    Sharing,
    ConnectionStatus,
    Recurrence,
    RefreshRecurrence,
    Weekday,
    SnapshotMode,
    SourceFormat,
    Leavers,
    removal.Decision,
    Decision,
    Condition,
    Permission,
    FieldType,
    DateOrder,
    Blank,
    AlertShape,
    ErasureStatus,
)
_OTHERS = (NOT_STARTED,)


def words() -> list[str]:
    """Return every word once."""
    return list(dict.fromkeys([*(str(member) for kind in _ENUMS for member in kind), *_OTHERS]))


def reasons() -> list[str]:
    """Return the reason codes of rejects: our own, and those of destinations."""
    ours = (str(reason) for kind in (BrokenCode, EmailFault, RejectReason) for reason in kind)
    return list(dict.fromkeys([*ours, *sorted(_reasons_of_destinations())]))


def _reasons_of_destinations() -> Iterator[str]:
    """The constants that adapters put into ``refused[…]``."""
    for path in _ADAPTERS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Assign(
                    targets=[ast.Subscript(value=ast.Attribute(attr="refused"))],
                    value=ast.Constant(value=str(reason)),
                ):
                    yield reason
