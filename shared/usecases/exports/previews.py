"""Previews: the first people of each segment as the destination will get them. Nothing is sent or stored."""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.access import Principal
from shared.domain.connection import Connection
from shared.domain.destination import Destination
from shared.domain.email_address import email_hash, explain_email, normalise_email
from shared.domain.errors import Invalid, NotFound, SegmentUnreadable
from shared.domain.ports import StateBlobs, Stores
from shared.domain.record import Name
from shared.domain.segment import Snapshot, SnapshotMode
from shared.domain.suppression import is_suppressed
from shared.pipeline import places
from shared.pipeline.journal import Journal
from shared.pipeline.peeking import Peeker
from shared.pipeline.reading import LEAVES_COLUMN, BrokenRow, RowReader
from shared.pipeline.rejects import RejectReason
from shared.pipeline.staging.columns import find_column, pick_columns
from shared.pipeline.staging.scanning import RowState, make_judge
from shared.usecases.exports.checks import ExportChecks
from shared.usecases.exports.forms import NewExport, NewSegmentChoice

MOST_PEOPLE = 10
_MOST_ROWS = 500
_MOST_REJECTS = 20
_REASONS = {
    RowState.NO_CONSENT: RejectReason.NO_CONSENT,
    RowState.CONSENT_UNREADABLE: RejectReason.CONSENT_UNREADABLE,
}


class DraftExport(NewExport):
    """An export that need not have a name yet."""

    name: Name = "Draft"


class NewPreview(BaseModel):
    """The export as it would be saved, and how many people of each segment to show."""

    model_config = ConfigDict(extra="forbid")
    export: DraftExport
    size: Annotated[int, Field(ge=1, le=MOST_PEOPLE)] = MOST_PEOPLE


class PreviewedPerson(BaseModel):
    """``person`` is what the destination gets; the e-mail address is masked."""

    line: int
    person: dict[str, object]


class PreviewedReject(BaseModel):
    """A row that would not be sent, and the reason code why not."""

    line: int
    column: str | None
    reason: str


class SegmentPreview(BaseModel):
    """``file`` is where the rows are from. ``dropped_values`` counts values by column that could not be read as their
    field's type. ``problem`` says why there is nothing to show, ``remedy`` what to do."""

    name: str
    list_name: str
    file: str | None = None
    columns: list[str] = []
    people: list[PreviewedPerson] = []
    rejects: list[PreviewedReject] = []
    dropped_values: dict[str, int] = {}
    problem: str | None = None
    remedy: str = ""


class Preview(BaseModel):
    segments: list[SegmentPreview]


class Previews:
    """The use case of looking before anything is stored or sent."""

    def __init__(
        self,
        stores: Stores,
        state: StateBlobs,
        peeker: Peeker,
        destinations: Mapping[str, Destination],
        checks: ExportChecks,
        journal: Journal,
    ) -> None:
        self._stores, self._state, self._peeker = stores, state, peeker
        self._destinations, self._checks, self._journal = destinations, checks, journal

    def make(self, wanted: NewPreview, principal: Principal) -> Preview:
        """Read the beginning of each segment's newest files. Raises Invalid and Forbidden.

        What is wrong with one segment is said in its part of the preview.
        """
        export = wanted.export
        with self._journal.audited(principal, "preview.read", export.connection_id) as details:
            details["segments"] = [choice.name for choice in export.segments]
            self._checks.settings(export, principal)
            if export.connection_id is None:
                raise Invalid(
                    "Without a connection nobody knows what would be sent.",
                    errors=[{"pointer": "/export/connection_id", "detail": "missing"}],
                    remedy="Choose a connection.",
                )
            connection = self._checks.usable(export.connection_id, principal)
            suppressed = self._read_suppressed(connection)
            return Preview(
                segments=[self._look(choice, wanted, connection, suppressed) for choice in export.segments]
            )

    def _read_suppressed(self, connection: Connection) -> bytes:
        try:
            return self._state.read(places.suppression(connection.id))
        except NotFound:
            return b""

    def _look(
        self, choice: NewSegmentChoice, wanted: NewPreview, connection: Connection, suppressed: bytes
    ) -> SegmentPreview:
        shown = SegmentPreview(name=choice.name, list_name=choice.as_choice().list_title)
        found = self._stores.segments.find(choice.name)
        if found is None:
            remedy = f"Upload a file to '{choice.name}/' in the segment container."
            return shown.model_copy(
                update={"problem": f"No file has arrived yet for '{choice.name}'.", "remedy": remedy}
            )
        snapshot = found.record.snapshot
        # The newest delta says most about what comes next; of parts, the last one may be nearly empty.
        file = snapshot.files[-1 if snapshot.mode is SnapshotMode.DELTA else 0]
        broken: list[BrokenRow] = []

        def note_broken(row: BrokenRow) -> None:
            if len(broken) < _MOST_REJECTS:
                broken.append(row)

        try:
            with self._peeker.open(snapshot, file, note_broken) as rows:
                reading = _Reading(wanted, self._destinations[connection.destination], rows, suppressed)
                reading.run(snapshot)
        except SegmentUnreadable as problem:
            return shown.model_copy(
                update={"file": file.name, "problem": problem.message, "remedy": problem.remedy}
            )
        rejects = [
            *reading.rejects,
            *(PreviewedReject(line=row.line, column=row.column, reason=row.code) for row in broken),
        ]
        return shown.model_copy(
            update={
                "file": file.name,
                "columns": [column for column in rows.columns if column != LEAVES_COLUMN],
                "people": reading.people,
                "rejects": sorted(rejects, key=lambda reject: reject.line)[:_MOST_REJECTS],
                "dropped_values": reading.dropped_values,
            }
        )


class _Reading:
    """Reads rows until there are enough people to show."""

    def __init__(
        self, wanted: NewPreview, destination: Destination, rows: RowReader, suppressed: bytes
    ) -> None:
        self._export, self._size, self._destination = wanted.export, wanted.size, destination
        self._rows, self._suppressed = rows, suppressed
        self._encoder = destination.encoder(wanted.export.mappings())
        self._seen: set[str] = set()
        self.people: list[PreviewedPerson] = []
        self.rejects: list[PreviewedReject] = []

    @property
    def dropped_values(self) -> dict[str, int]:
        return dict(self._encoder.dropped)

    def run(self, snapshot: Snapshot) -> None:
        """Raises SegmentUnreadable when a column is missing or the file cannot be read."""
        columns = self._rows.columns
        email_at = find_column(columns, self._export.email_column)
        pick = pick_columns(columns, self._encoder.columns)
        judge = make_judge(columns, self._export.consent_column)
        for line, values in islice(iter(self._rows), _MOST_ROWS):
            state = judge(values) if judge else RowState.WANTED
            if state is RowState.LEAVES:
                continue
            email = self._accept(line, values[email_at], state, snapshot)
            if email is None:
                continue
            body = self._encoder.encode(email, pick(values))
            self.people.append(PreviewedPerson(line=line, person=self._destination.show(body)))
            if len(self.people) == self._size:
                return

    def _accept(self, line: int, value: object, state: RowState, snapshot: Snapshot) -> str | None:
        """Return the address of a row that would be sent; note why another one would not."""
        text = "" if value is None else str(value)
        email = normalise_email(text)
        is_repeated = email in self._seen
        if email is not None:
            self._seen.add(email)
        if email is None:
            self._reject(line, self._export.email_column, explain_email(text))
        elif is_repeated:
            # In deltas the last word counts, and nothing is wrong with the words before.
            if snapshot.mode is not SnapshotMode.DELTA:
                self._reject(line, self._export.email_column, RejectReason.DUPLICATE)
        elif is_suppressed(self._suppressed, email_hash(email)):
            self._reject(line, self._export.email_column, RejectReason.SUPPRESSED)
        elif state in _REASONS:
            self._reject(line, self._export.consent_column, _REASONS[state])
        else:
            return email
        return None

    def _reject(self, line: int, column: str | None, reason: str) -> None:
        self.rejects.append(PreviewedReject(line=line, column=column, reason=reason))
