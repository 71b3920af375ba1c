"""The segment container in memory, and what its arrivals set off."""

from datetime import datetime

from shared.domain.export import Export, SegmentChoice
from shared.domain.run import Run
from shared.domain.segment import Segment, SegmentSource, SnapshotMode, SourceFormat
from shared.pipeline.journal import Journal
from shared.pipeline.peeking import Peeker
from shared.usecases.runs.orders import RunOrders
from shared.usecases.segments.arrivals import Arrival, Arrivals, ArrivalState
from shared.usecases.segments.registrations import Registrations
from tests.fakes import MemoryBlobs
from tests.fakes_stores import START, FakeClock, MemorySegmentBlobs, MemoryStores

SETTLE_S = 60


class Inbox:
    """``segments`` are carried by an export each."""

    def __init__(self, *segments: str) -> None:
        self.clock, self.stores, self.blobs = FakeClock(), MemoryStores(), MemorySegmentBlobs()
        self.peeker = Peeker(self.blobs, 16)
        self.registrations = Registrations(self.stores, self.peeker)
        self.arrivals = Arrivals(self.stores, self.blobs, self.registrations, SETTLE_S, self.clock)
        self._orders = RunOrders(self.stores, MemoryBlobs(), Journal(MemoryBlobs(), self.clock), self.clock)
        self._settling: list[str] = []
        for number, name in enumerate(segments):
            self.add_export(f"export-{number}", name)

    def add_export(self, export_id: str, segment: str) -> None:
        export = Export(
            id=export_id,
            name=f"Export {segment}",
            connection_id="connection-1",
            email_column="EMail",
            segments=(SegmentChoice(name=segment),),
            created_at=START,
            updated_at=START,
        )
        self.stores.exports.add(export.id, export)

    def declare(
        self, segment: str, source_format: str = "auto", mode: str | None = None, **settings: object
    ) -> None:
        """Declare what a segment's files are."""
        wanted = SourceFormat(source_format)
        source = SegmentSource(
            segment=segment,
            format=wanted,
            mode=SnapshotMode(mode) if mode else wanted.usual_mode,
            updated_at=START,
            **settings,
        )
        self.stores.sources.upsert(segment, lambda _present: source)

    def put(
        self, name: str, content: str | bytes = "EMail\na@example.com\n", at: datetime | None = None
    ) -> str:
        self.blobs.put(name, content, at or self.clock())
        return name

    def remove(self, name: str) -> None:
        del self.blobs.files[name]

    def upload(self, name: str, content: str | bytes = "EMail\na@example.com\n") -> Arrival:
        """Put a file and hear of it."""
        return self.notice(self.put(name, content))

    def notice(self, name: str) -> Arrival:
        arrival = self.arrivals.inspect(name)
        if arrival.state is ArrivalState.SETTLING:
            self._settling.append(name)
        self._orders.for_arrival(arrival.snapshots)
        self.registrations.count_rows(arrival.snapshots)
        return arrival

    def settle(self) -> None:
        """Let time pass until nothing waits any longer."""
        while self._settling:
            self.clock.advance(SETTLE_S)
            waiting, self._settling = self._settling, []
            for name in waiting:
                self.notice(name)

    @property
    def runs(self) -> list[Run]:
        return list(self.stores.runs.all())

    def segment(self, name: str) -> Segment:
        return self.stores.segments.get(name).record

    def files_of(self, segment: str) -> list[str]:
        """The files of a segment's newest snapshot."""
        return [file.name for file in self.segment(segment).snapshot.files]
