"""What a stage is told to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.domain.destination import Encoder
from shared.domain.export import FieldMapping, Leavers
from shared.domain.segment import Snapshot, SnapshotMode
from shared.pipeline.rejects import MAX_LISTED_BYTES
from shared.pipeline.row_log import RowNotes


@dataclass(frozen=True, slots=True)
class StageOrder:
    """What to stage: where from, how, and where to.

    ``ledger``, ``suppression`` and ``retry_set`` are names of blobs; the first two may be missing. With a ``retry_set``
    only the people in it are staged. ``ledger_lost`` = there was one, and it is gone. ``take_notes`` makes the row log
    of the rejects; None = there is none.
    """

    snapshot: Snapshot
    folder: str
    email_column: str
    fields: tuple[FieldMapping, ...]
    make_encoder: Callable[[Sequence[FieldMapping]], Encoder]
    ledger: str | None
    full: bool
    max_profiles: int
    batch_size: int
    batches_per_chunk: int
    keep_profiles: bool
    consent_column: str | None = None
    leavers: Leavers = Leavers.KEEP
    ledger_lost: bool = False
    suppression: str | None = None
    retry_set: str | None = None
    take_notes: Callable[[Path], RowNotes] | None = None

    @property
    def is_delta(self) -> bool:
        return self.snapshot.mode is SnapshotMode.DELTA


@dataclass(frozen=True, slots=True)
class StageLimits:
    """``max_listed_bytes`` is how much of rejects, and of what the row log says of them, is written down."""

    memory_mb: int
    max_file_mb: int
    max_listed_bytes: int = MAX_LISTED_BYTES
