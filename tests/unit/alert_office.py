"""Where alerts are noted, sent and set up: one connection, one export, and a receiver that takes what it gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from shared.domain.access import Principal, Role
from shared.domain.connection import AlertShape, Connection, Consent
from shared.domain.errors import Invalid
from shared.domain.export import Export, SegmentChoice
from shared.domain.ports import Delivery
from shared.domain.run import Approval, Counts, Failure, Run, RunStatus, SegmentRun, Trigger
from shared.domain.standing import Alert, Standing
from shared.pipeline.journal import Journal
from shared.usecases.alerts.desk import AlertDesk
from shared.usecases.alerts.post import AlertPost
from shared.usecases.alerts.targets import AlertTargetAdded, AlertTargets, NewAlertTarget
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, MemoryStores, MemoryVault

ADA = Principal("Ada", Role.ADMINISTRATOR)
URL = "https://hooks.example/T0/secret-token"


@dataclass(frozen=True)
class Heard:
    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def document(self) -> dict:
        return orjson.loads(self.body)


@dataclass
class Receivers:
    """Stands in for all receivers. While ``trouble`` is given nothing gets through; addresses with "private" in them
    are not allowed."""

    heard: list[Heard] = field(default_factory=list)
    trouble: str | None = None

    def check(self, url: str) -> str:
        if "private" in url:
            errors = [{"pointer": "/url", "detail": "not allowed"}]
            raise Invalid("Alerts cannot go to this address.", errors=errors)
        return url.split("/")[2]

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Delivery:
        if self.trouble:
            return Delivery(5, 503, self.trouble)
        self.heard.append(Heard(url, body, dict(headers)))
        return Delivery(5, 200)


class AlertOffice:
    def __init__(self, shape: AlertShape | None = AlertShape.GENERIC) -> None:
        self.stores, self.vault, self.clock = MemoryStores(), MemoryVault(), FakeClock()
        self.logs, self.receivers = MemoryBlobs(), Receivers()
        post = AlertPost(self.vault, self.receivers, self.clock)
        self.desk = AlertDesk(self.stores, post, self.clock)
        self.targets = AlertTargets(
            self.stores, self.vault, self.receivers, post, Journal(self.logs, self.clock), self.clock
        )
        for number in (1, 2):
            self._add_connection(f"connection-{number}")
        self.stores.exports.add("export-1", _export())
        if shape:
            self.set_target(shape=shape)

    def set_target(
        self, connection_id: str = "connection-1", *, url: str = URL, shape: AlertShape = AlertShape.GENERIC
    ) -> AlertTargetAdded:
        return self.targets.set(connection_id, NewAlertTarget(url=url, shape=shape), ADA)

    def note(self, status: RunStatus, run_id: str = "run-1", **changes: object) -> Run:
        """Note a run of the export that is in this state."""
        noted = run(status, run_id, **changes)
        self.desk.note_run(noted)
        return noted

    def retry_later(self, run_id: str) -> None:
        """What is written before a failure in passing is noted."""

        def mark(present: Standing | None) -> Standing:
            standing = present or Standing(subject="export-1")
            return standing.model_copy(update={"retry_at": self.clock(), "retry_run": run_id})

        self.stores.standings.upsert("export-1", mark)

    def pass_minutes(self, minutes: float) -> None:
        """Let time pass, and the timer of each minute tick."""
        for _ in range(int(minutes)):
            self.clock.advance(60)
            self.desk.deliver_due(self.clock())

    @property
    def events(self) -> list[str]:
        return [str(heard.document["event"]) for heard in self.receivers.heard]

    @property
    def alerts(self) -> list[Alert]:
        return sorted(self.stores.alerts.all(), key=lambda alert: alert.created_at)

    def _add_connection(self, connection_id: str) -> None:
        connection = Connection(
            id=connection_id,
            destination="autopilot",
            display_name="Our Autopilot",
            secret_name="key",
            secret_owned=True,
            consent=Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree"),
            created_at=START,
            updated_at=START,
        )
        self.stores.connections.add(connection_id, connection)


def run(status: RunStatus, run_id: str = "run-1", **changes: object) -> Run:
    plain = Run(
        id=run_id,
        export_id="export-1",
        export_name="Weekly",
        connection_id="connection-1",
        trigger=Trigger.SCHEDULE,
        requested_by="ada@segpilot.example",
        run_as="ada@segpilot.example",
        segments=(SegmentRun(name="vip", list_title="vip", snapshot_id="vip-1"),),
        status=status,
        counts=Counts(rows=14, profiles=12, new=7, sent=7, unchanged=5, calls=3),
        rejected={"email_invalid": 2} if status is RunStatus.SUCCESSFUL_WITH_REJECTS else {},
        failure=Failure(code="unavailable", message="Autopilot did not answer.", remedy="Try again later.")
        if status is RunStatus.FAILED
        else None,
        approval=approval() if status is RunStatus.WAITING_FOR_APPROVAL else None,
        created_at=START,
    )
    return plain.model_copy(update=changes)


def approval(number: int = 1) -> Approval:
    return Approval(
        round=number,
        reasons=("40 of 100 people would leave the list.",),
        removals=40,
        rejects=0,
        asked_at=START,
        expires_at=START,
    )


def _export() -> Export:
    return Export(
        id="export-1",
        name="Weekly",
        connection_id="connection-1",
        email_column="EMail",
        segments=(SegmentChoice(name="vip"),),
        created_at=START,
        updated_at=START,
    )
