"""Three weeks of history. The API makes runs of today only, so these records are written into the tables."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial

from azure.data.tables import TableServiceClient

from devkit.local.stack import LocalStack
from shared.adapters.tables import TableStores
from shared.domain.identifiers import run_id
from shared.domain.run import Failure, Run, RunStatus, Trigger
from shared.domain.segment import Segment, TrendPoint
from shared.domain.tally import Tally

DAYS = 21
_AT = time(4, 0, tzinfo=UTC)
_OUTAGE = Failure(
    code="unavailable",
    message="Autopilot did not answer for six hours.",
    remedy="The next run goes on from there.",
    transient=True,
)


def add_past(stack: LocalStack, export_ids: Iterable[str], segments: Sequence[str]) -> None:
    """Give each of the exports a run a day before today, like its newest one, and each segment a trend."""
    stores = TableStores(TableServiceClient.from_connection_string(stack.connection_string))
    chance = random.Random(2026)  # noqa: S311 (a made-up past)
    days = [datetime.combine(datetime.now(UTC) - timedelta(days=ago), _AT) for ago in range(DAYS, 0, -1)]
    for export_id in export_ids:
        newest = _find_newest(stores, export_id)
        for at in days:
            run = _move(newest, at, chance)
            stores.runs.add(run.id, run)
            stores.tallies.upsert(at.date().isoformat(), partial(_count, run))
    for name in segments:
        stores.segments.change(name, lambda segment: _with_trend(segment, days, chance))


def _count(run: Run, tally: Tally | None) -> Tally:
    return (tally or Tally(day=run.created_at.date())).with_run(run)


def _find_newest(stores: TableStores, export_id: str) -> Run:
    runs, _ = stores.runs.page_of(export_id, 50)
    return next(run for run in runs if run.ended_at and not run.dry)


def _move(run: Run, at: datetime, chance: random.Random) -> Run:
    """Return a run of another day that sent some people, or, now and then, failed."""
    moved = at - run.created_at
    profiles = run.counts.profiles - chance.randrange(run.counts.profiles // 5)
    sent, removed = chance.randrange(40, 400), chance.randrange(0, 60)
    failed = chance.random() < 0.06
    counts = run.counts.model_copy(
        update={
            "profiles": profiles,
            "new": sent // 2,
            "changed": sent - sent // 2,
            "sent": 0 if failed else sent,
            "unchanged": profiles - sent,
            "leavers": removed,
            "removed": 0 if failed else removed,
        }
    )
    return run.model_copy(
        update={
            "id": run_id(run.export_id, "past", at),
            "trigger": Trigger.SCHEDULE,
            "requested_by": "schedule",
            "status": RunStatus.FAILED if failed else run.status,
            "failure": _OUTAGE if failed else None,
            "counts": counts,
            "rejected": {
                reason: max(1, count - chance.randrange(count)) for reason, count in run.rejected.items()
            },
            "steps": tuple(
                step.model_copy(
                    update={
                        "started_at": step.started_at + moved,
                        "ended_at": step.ended_at and step.ended_at + moved,
                    }
                )
                for step in run.steps
            ),
            "created_at": at,
            "started_at": run.started_at and run.started_at + moved,
            "pushing_at": run.pushing_at and run.pushing_at + moved,
            "ended_at": run.ended_at and run.ended_at + moved,
        }
    )


def _with_trend(segment: Segment, days: Sequence[datetime], chance: random.Random) -> Segment:
    """Grow towards what there is now, with setbacks."""
    now = segment.profiles or segment.rows or 0
    sizes = [
        round(now * (0.6 + 0.22 * number / DAYS) + chance.randrange(now // 25)) for number in range(DAYS)
    ]
    past = tuple(TrendPoint(at=at, profiles=size) for at, size in zip(days, sizes, strict=True))
    return segment.model_copy(update={"trend": (*past, *segment.trend)})
