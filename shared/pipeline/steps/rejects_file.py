"""The rejects of a run, put together from what its steps left."""

from collections.abc import Iterator, Sequence

from shared.domain.errors import NotFound
from shared.domain.run import Run
from shared.pipeline import places
from shared.pipeline.rejects import header_line
from shared.pipeline.staging.stage import Staged
from shared.pipeline.steps.context import RunContext


def write_rejects(context: RunContext, run: Run, staged: Sequence[Staged]) -> None:
    """Write the run's rejects file. Safe to repeat."""
    context.state.write(places.rejects(run.id), _all_rejects(context, run, staged))


def _all_rejects(context: RunContext, run: Run, staged: Sequence[Staged]) -> Iterator[bytes]:
    yield header_line()
    names = [places.staged_rejects(one.folder) for one in staged]
    names += [places.refused(run.id, segment.name) for segment in run.segments]
    for name in names:
        try:
            yield from context.state.stream(name)
        except NotFound:
            continue
