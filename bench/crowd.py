"""A storage account as full as a large customer's: python -m bench.crowd CONNECTION_STRING

1,000 exports over 20 connections, 300 segments, 10,000 runs over 30 days. Whatever is there already stays.
"""

import argparse
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from shared.adapters.table_records import TableRecords
from shared.adapters.tables import TableStores
from shared.domain.connection import Connection, ConnectionStatus, Consent, Finding, Sharing
from shared.domain.export import Export, FieldMapping, SegmentChoice
from shared.domain.identifiers import run_id
from shared.domain.record import Record
from shared.domain.run import Counts, Failure, Run, RunStatus, SegmentRun, Stage, Step, Trigger
from shared.domain.schedule import REFRESH_ID, Recurrence, Refresh, Schedule, schedule_version
from shared.domain.segment import Segment, Snapshot, SnapshotFile, TrendPoint
from shared.domain.standing import Condition, LastRun, ListSize, Standing
from shared.domain.tally import Tally

EXPORTS, CONNECTIONS, SEGMENTS, RUNS, DAYS = 1_000, 20, 300, 10_000, 30
BUSIEST_RUNS = 300
"""So many runs are of the first export."""
_ZONES = ("UTC", "Europe/Bucharest", "Europe/Madrid", "America/New_York", "Asia/Kolkata")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENDINGS = (
    (RunStatus.SUCCESSFUL, 85),
    (RunStatus.SUCCESSFUL_WITH_REJECTS, 8),
    (RunStatus.FAILED, 4),
    (RunStatus.CANCELED, 1),
    (RunStatus.SKIPPED, 2),
)
_OPEN = (RunStatus.PROCESSING, RunStatus.WAITING_FOR_APPROVAL, RunStatus.PROCESSING, RunStatus.QUEUED)
_CONDITIONS = {
    RunStatus.FAILED: Condition.FAILED,
    RunStatus.SUCCESSFUL_WITH_REJECTS: Condition.PARTIAL,
    RunStatus.WAITING_FOR_APPROVAL: Condition.APPROVAL_NEEDED,
}
_LARGEST_TRANSACTION = 100  # Azure Table documentation, "Performing entity group transactions"


class Crowd:
    """What is stored. The same ``now`` gives the same crowd."""

    def __init__(self, now: datetime) -> None:
        self._now, self._chance = now, random.Random(1)
        self.connections = [self._connection(number) for number in range(CONNECTIONS)]
        self.segments = [self._segment(number) for number in range(SEGMENTS)]
        self.exports = [self._export(number) for number in range(EXPORTS)]
        self.runs = list(self._all_runs())
        self.standings = list(self._all_standings())
        self.tallies = list(self._all_tallies())

    def _connection(self, number: int) -> Connection:
        checked_at = self._now - timedelta(hours=number)
        return Connection(
            id=f"connection-{number:03}",
            destination="autopilot",
            display_name=f"Autopilot account {number}",
            shared_with=Sharing.CONTRIBUTORS if number % 2 else Sharing.ADMINISTRATORS,
            secret_name=f"segpilot-connection-{number:03}",
            secret_owned=True,
            consent=Consent(
                given_by="Ada", given_at=checked_at, version="1", language="en", text="I agree. " * 40
            ),
            status=ConnectionStatus.CONNECTED if number % 7 else ConnectionStatus.NEEDS_ATTENTION,
            finding=Finding(checked_at=checked_at, ok=bool(number % 7), message="The account answered."),
            created_by="Ada",
            created_at=checked_at,
            updated_by="Ada",
            updated_at=checked_at,
        )

    def _segment(self, number: int) -> Segment:
        name, size = f"Segment {number:03}", self._chance.randint(50, 200_000)
        file = SnapshotFile(name=f"{name}/people.csv", etag=f"0x{number:08X}", size_bytes=size * 60)
        return Segment(
            name=name,
            source=f"{name}/",
            snapshot=Snapshot(id=f"snapshot-{number:012}", segment=name, arrived_at=self._now, files=(file,)),
            rows=size,
            profiles=size,
            columns=("EMail", "FirstName", "LastName", *(f"Column{column}" for column in range(10))),
            trend=tuple(
                TrendPoint(at=self._now - timedelta(days=60 - day), profiles=size + day * 7)
                for day in range(60)
            ),
        )

    def _export(self, number: int) -> Export:
        at = self._now - timedelta(hours=number)
        chosen = self._chance.sample(range(SEGMENTS), 1 + number % 3)
        return Export(
            id=f"export-{number:06}",
            name=f"{self._chance.choice(('Weekly', 'Loyal', 'New', 'Lost'))} customers {number:04}",
            connection_id=f"connection-{number % CONNECTIONS:03}",
            email_column="EMail",
            fields=tuple(FieldMapping(field=name, column=name) for name in ("FirstName", "LastName")),
            segments=tuple(SegmentChoice(name=f"Segment {each:03}") for each in chosen),
            schedule=self._schedule(number),
            active=number % 20 != 19,
            created_by="Ada",
            created_at=at,
            updated_by="Carmen",
            updated_at=at,
        )

    def _schedule(self, number: int) -> Schedule:
        """Nothing is due within the next ten minutes: runs would be measured, too."""
        zone = self._chance.choice(_ZONES)
        away = self._now + timedelta(minutes=10 + self._chance.randrange(45))
        minute = away.astimezone(ZoneInfo(zone)).minute
        times = [f"{self._chance.randrange(24):02}:{minute:02}"]
        more: dict[str, Any]
        match number % 5:
            case 0 | 1:
                return Schedule()
            case 2:
                more = {"recurrence": "hourly", "minute": minute}
            case 3:
                more = {"recurrence": "daily", "times": times}
            case _ if number % 2:
                days = self._chance.sample(_WEEKDAYS, 2)
                more = {"recurrence": "weekly", "times": times, "weekdays": days}
            case _:
                dates = self._chance.sample(range(1, 32), 2)
                more = {"recurrence": "monthly", "times": times, "days_of_month": dates}
        return Schedule.model_validate({**more, "time_zone": zone})

    def _all_runs(self) -> Iterator[Run]:
        """Newest last; the newest ones have not ended."""
        step = timedelta(days=DAYS) / RUNS
        statuses, weights = [status for status, _ in _ENDINGS], [weight for _, weight in _ENDINGS]
        for number in range(RUNS):
            ahead = RUNS - number - 1
            status = _OPEN[ahead] if ahead < len(_OPEN) else self._chance.choices(statuses, weights)[0]
            busiest = number % (RUNS // BUSIEST_RUNS) == 0
            export = self.exports[0 if busiest else self._chance.randrange(1, EXPORTS)]
            yield self._run(export, self._now - step * (ahead + 1), status)

    def _run(self, export: Export, at: datetime, status: RunStatus) -> Run:
        people, sent = self._chance.randint(50, 50_000), self._chance.randint(0, 500)
        done = status.ended and status is not RunStatus.SKIPPED
        rejected = {"email_no_at_sign": 3, "duplicate_email": 9}
        return Run(
            id=run_id(export.id, "schedule", at),
            export_id=export.id,
            export_name=export.name,
            connection_id=export.connection_id or "",
            trigger=Trigger.SCHEDULE,
            requested_by="schedule",
            run_as="Ada",
            segments=tuple(
                SegmentRun(name=each.name, list_title=each.name, snapshot_id="snapshot", list_id="list")
                for each in export.segments
            ),
            status=status,
            stage=Stage.DONE if status.ended else Stage.STAGING,
            steps=tuple(
                Step(stage=stage, started_at=at, ended_at=at)
                for stage in (Stage.WAITING, Stage.STAGING, Stage.PUSHING, Stage.FINISHING)
            ),
            counts=Counts(rows=people, profiles=people, new=sent, sent=sent, calls=9) if done else Counts(),
            rejected=rejected if status is RunStatus.SUCCESSFUL_WITH_REJECTS else {},
            failure=Failure(code="outage", message="Autopilot did not answer.")
            if status is RunStatus.FAILED
            else None,
            created_at=at,
            started_at=at,
            ended_at=at + timedelta(seconds=40) if status.ended else None,
        )

    def _all_standings(self) -> Iterator[Standing]:
        newest = {run.export_id: run for run in self.runs}
        for export in self.exports:
            run = newest.get(export.id)
            is_timed = export.active and export.schedule.recurrence is not Recurrence.REFRESH
            yield Standing(
                subject=export.id,
                last_run=LastRun.model_validate({name: getattr(run, name) for name in LastRun.model_fields})
                if run
                else None,
                schedule=schedule_version(export.schedule) if is_timed else None,
                slot_at=self._now if is_timed else None,
                condition=_CONDITIONS.get(run.status, Condition.WELL) if run else Condition.WELL,
                lists=tuple(
                    ListSize(
                        segment=each.name,
                        list_title=each.name,
                        people=self._chance.randint(10, 200_000),
                        at=self._now,
                    )
                    for each in export.segments
                ),
            )

    def _all_tallies(self) -> Iterator[Tally]:
        by_day = dict[date, Tally]()
        for run in self.runs:
            if run.ended_at:
                day = run.ended_at.date()
                by_day[day] = by_day.get(day, Tally(day=day)).with_run(run)
        yield from by_day.values()


def fill(connection_string: str, now: datetime | None = None) -> Crowd:
    """Store a crowd, with entities that the adapters themselves would write."""
    crowd = Crowd(now or datetime.now(UTC))
    with TableServiceClient.from_connection_string(connection_string) as service:
        stores = TableStores(service)
        _store(stores.connections, ((each.id, each) for each in crowd.connections))
        _store(stores.segments, ((each.name, each) for each in crowd.segments))
        _store(stores.exports, ((each.id, each) for each in crowd.exports))
        _store(stores.standings, ((each.subject, each) for each in crowd.standings))
        _store(stores.tallies, ((each.day.isoformat(), each) for each in crowd.tallies))
        _store(stores.runs, ((each.id, each) for each in crowd.runs))
        refresh = Refresh.model_validate({"recurrence": "daily", "times": ["05:00", "17:00"]})
        stores.refreshes.upsert(REFRESH_ID, lambda present: present or refresh)
    return crowd


def _store(records: TableRecords[Any], rows: Iterable[tuple[str, Record]]) -> None:
    entities = [entity for record_id, record in rows for entity in records.entities(record_id, record)]
    entities.sort(key=lambda entity: str(entity["PartitionKey"]))
    groups = [list(group) for _, group in groupby(entities, key=lambda entity: str(entity["PartitionKey"]))]
    parts = [
        group[start : start + _LARGEST_TRANSACTION]
        for group in groups
        for start in range(0, len(group), _LARGEST_TRANSACTION)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: _submit(records._table, part), parts))


def _submit(table: TableClient, entities: list[dict[str, Any]]) -> None:
    table.submit_transaction([("upsert", entity, {"mode": UpdateMode.REPLACE}) for entity in entities])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("connection_string")
    fill(parser.parse_args().connection_string)


if __name__ == "__main__":
    main()
