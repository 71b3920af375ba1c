"""A bookmark: how far a run has come, for an orchestration that goes on where another one was lost."""

from pydantic import Field

from shared.domain.errors import NotFound
from shared.domain.ports import StateBlobs
from shared.domain.record import Record
from shared.pipeline import places
from shared.pipeline.staging.stage import Staged


class Bookmark(Record):
    """What was read of the segments, and, once people are sent, what else the sending needs: see ``Prepared``."""

    staged: tuple[Staged, ...]
    lists: dict[str, str] = Field(default_factory=dict)
    proven: bool = False


def keep_bookmark(state: StateBlobs, run_id: str, bookmark: Bookmark) -> None:
    """It goes with the other working files of the run."""
    state.write(places.bookmark(run_id), bookmark.model_dump_json().encode())


def find_bookmark(state: StateBlobs, run_id: str) -> Bookmark | None:
    try:
        return Bookmark.model_validate_json(state.read(places.bookmark(run_id)))
    except NotFound:
        return None
