"""Resuming: what is left to be sent of a run whose orchestration was lost, by what was answered until then."""

from collections.abc import Callable, Sequence

from pydantic import Field

from shared.domain.ports import StateBlobs
from shared.domain.record import Record
from shared.domain.run import Run
from shared.pipeline import places
from shared.pipeline.ledger import answered_emails
from shared.pipeline.pushing.chunk_push import Batch
from shared.pipeline.staging.chunks import read_batches, read_leavers
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.bookmark import Bookmark
from shared.pipeline.steps.prepare import Prepared

_Read = Callable[[StateBlobs, str, int], Sequence[Batch]]


class Rest(Record):
    """Chunks that are left, by their place in the order of all chunks; ``begun`` says of some which batches are.

    ``next`` is where those begin that were not looked at, behind all.
    """

    left: tuple[int, ...]
    begun: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    next: int


class Resumed(Record):
    """What the sending of a run goes on with: people to send or, after them, to take off."""

    prepared: Prepared
    removals: bool
    state: Rest


def resume(state: StateBlobs, run: Run, bookmark: Bookmark) -> Resumed:
    """Find out who has no answer yet. Batches of which some have one are sent again."""
    prepared = Prepared(lists=bookmark.lists, proven=bookmark.proven)
    parts = [one for one in bookmark.staged if one.segment in bookmark.lists]
    rest = _find_rest(state, run, [(one, one.chunks) for one in parts], removals=False)
    if rest.left:
        return Resumed(prepared=prepared, removals=False, state=rest)
    rest = _find_rest(state, run, [(one, one.leaver_chunks) for one in parts], removals=True)
    return Resumed(prepared=prepared, removals=True, state=rest)


def _find_rest(state: StateBlobs, run: Run, parts: list[tuple[Staged, int]], *, removals: bool) -> Rest:
    left, begun, place = list[int](), dict[str, tuple[int, ...]](), 0
    read: _Read = read_leavers if removals else read_batches
    for staged, chunks in parts:
        results = state.names(places.results_folder(run.id, staged.segment))
        for chunk in range(chunks):
            start = places.results(run.id, staged.segment, chunk, removals=removals)
            answered = answered_emails(state.read(name) for name in results if name.startswith(start))
            if not answered:
                left.append(place)
            elif pending := _find_pending(read(state, staged.folder, chunk), answered):
                left.append(place)
                begun[str(place)] = pending
            place += 1
    return Rest(left=tuple(left), begun=begun, next=place)


def _find_pending(batches: Sequence[Batch], answered: set[str]) -> tuple[int, ...]:
    return tuple(
        number
        for number, batch in enumerate(batches)
        if any(person.email not in answered for person in batch)
    )
