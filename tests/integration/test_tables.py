"""Records, runs, lanes and paces in Table storage, against the emulator."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import TableClient, TableServiceClient

from devkit.azurite import AzuriteServer
from shared.adapters.table_catalogue import TableCatalogue
from shared.adapters.table_coordination import TableLanes, TablePaces
from shared.adapters.table_records import TableRecords
from shared.adapters.table_runs import TableRuns
from shared.adapters.tables import TableStores
from shared.domain.connection import Connection, Consent
from shared.domain.erasure import Erasure
from shared.domain.errors import Conflict, Invalid, NotFound, PreconditionFailed, StorageUnavailable
from shared.domain.identifiers import dated_id, newest_first, run_id
from shared.domain.ports import Pace
from shared.domain.run import Counts, Run, RunStatus, SegmentRun, Trigger
from shared.pipeline.standings import count_run

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOSTILE_NAMES = [
    "a/b\\c",
    "50% off?",
    "#1",
    "tab\tnew\nline\x00\x7f\x9f",
    "👩‍👩‍👧‍👦 ñandú",
    "..",
    "ends.",
    "'quoted' or 1 eq 1",
    "x" * 10_000,
    "x" * 9_999 + "y",
    "x" * 300 + "-a-b-c",
    "a-b-c-d",
    "~2E",
]


@pytest.fixture
def service(azurite: AzuriteServer) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


@pytest.fixture
def connections(service: TableServiceClient, unique_name: str) -> TableRecords[Connection]:
    return TableRecords(service.create_table(unique_name), "connection", Connection)


@pytest.fixture
def runs(service: TableServiceClient, unique_name: str) -> TableRuns:
    return TableRuns(service.create_table(unique_name))


@pytest.fixture
def lanes(service: TableServiceClient, unique_name: str) -> TableLanes:
    return TableLanes(service.create_table(unique_name))


@pytest.fixture
def paces(service: TableServiceClient, unique_name: str) -> TablePaces:
    return TablePaces(service.create_table(unique_name))


def make_connection(name: str = "c1", text: str = "I agree") -> Connection:
    return Connection(
        id="c1",
        destination="autopilot",
        display_name=name,
        secret_name="key",
        secret_owned=True,
        consent=Consent(given_by="ada", given_at=NOW, version="1", language="en", text=text),
        created_at=NOW,
        updated_at=NOW,
    )


def make_run(identifier: str, segments: int = 1) -> Run:
    return Run(
        id=identifier,
        export_id="e1",
        export_name="Export",
        connection_id="c1",
        trigger=Trigger.UPLOAD,
        requested_by="ada",
        segments=tuple(
            SegmentRun(name=f"Segment {number} 😀", list_title="List" * 20, snapshot_id="s1")
            for number in range(segments)
        ),
        created_at=NOW,
    )


def test_a_record_comes_back_as_it_was(connections: TableRecords[Connection]) -> None:
    connection = make_connection("Ñandú 👋")
    etag = connections.add("c1", connection)

    assert connections.get("c1").record == connection
    assert connections.get("c1").etag == etag
    assert connections.find("c2") is None
    with pytest.raises(NotFound):
        connections.get("c2")


def test_an_id_can_be_taken_once(connections: TableRecords[Connection]) -> None:
    connections.add("c1", make_connection("first"))

    with pytest.raises(Conflict):
        connections.add("c1", make_connection("second"))

    assert connections.get("c1").record.display_name == "first"


def test_a_stale_replacement_is_refused(connections: TableRecords[Connection]) -> None:
    old = connections.add("c1", make_connection("one"))
    new = connections.replace("c1", make_connection("two"), old)

    with pytest.raises(PreconditionFailed):
        connections.replace("c1", make_connection("three"), old)

    assert connections.get("c1").record.display_name == "two"
    connections.replace("c1", make_connection("four"), new)
    with pytest.raises(NotFound):
        connections.replace("c2", make_connection(), new)


def test_changes_of_many_threads_all_count(connections: TableRecords[Connection]) -> None:
    connections.add("c1", make_connection())

    def count_up(present: Connection) -> Connection:
        return present.model_copy(update={"max_profiles_per_run": (present.max_profiles_per_run or 0) + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: connections.change("c1", count_up), range(40)))

    assert connections.get("c1").record.max_profiles_per_run == 40


def test_a_record_is_made_or_changed_as_it_is_needed(connections: TableRecords[Connection]) -> None:
    seen: list[Connection | None] = []

    def set_to(name: str) -> Connection:
        return connections.upsert("c1", lambda present: seen.append(present) or make_connection(name))

    assert [set_to("one"), set_to("two")] == [make_connection("one"), make_connection("two")]
    assert connections.get("c1").record == make_connection("two")
    assert seen == [None, make_connection("one")]
    etag = connections.get("c1").etag
    set_to("two")
    assert connections.get("c1").etag == etag


def test_the_first_changes_of_many_threads_all_count(connections: TableRecords[Connection]) -> None:
    def count_up(present: Connection | None) -> Connection:
        before = present or make_connection()
        return before.model_copy(update={"max_profiles_per_run": (before.max_profiles_per_run or 0) + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: connections.upsert("c1", count_up), range(24)))

    assert connections.get("c1").record.max_profiles_per_run == 24


def test_dated_records_may_be_paged_newest_first(service: TableServiceClient) -> None:
    erasures = TableStores(service).erasures
    made = [
        Erasure(id=dated_id("erasure", NOW + timedelta(days=day)), requested_by="ada", requested_at=NOW)
        for day in range(5)
    ]
    for each in made:
        erasures.add(each.id, each)

    first, after = erasures.page(3)
    rest, end = erasures.page(3, after)

    ours = [each for each in first + rest if each in made]
    assert ours == made[::-1]
    assert end is None


def test_a_removed_record_is_gone_and_may_be_removed_again(connections: TableRecords[Connection]) -> None:
    connections.add("c1", make_connection())

    connections.remove("c1")
    connections.remove("c1")

    assert connections.find("c1") is None


@pytest.mark.parametrize("filling", ["x", "é", "😀", '"\\'])
def test_a_record_may_be_longer_than_a_property(runs: TableRuns, filling: str) -> None:
    run = make_run("run-1").model_copy(update={"warnings": (filling * (100_000 // len(filling)),)})
    runs.add("run-1", run)

    assert runs.get("run-1").record == run


def test_a_shorter_record_leaves_nothing_of_the_longer_one(runs: TableRuns) -> None:
    etag = runs.add("run-1", make_run("run-1", segments=1_000))

    runs.replace("run-1", make_run("run-1"), etag)

    assert runs.get("run-1").record == make_run("run-1")


def test_a_record_beyond_the_size_of_a_row_is_refused_in_words(runs: TableRuns) -> None:
    with pytest.raises(Invalid, match="too large"):
        runs.add("run-1", make_run("run-1").model_copy(update={"warnings": ("x" * 600_000,)}))


@pytest.mark.parametrize("kind", [TableRecords, TableRuns])
def test_any_name_is_a_key(service: TableServiceClient, unique_name: str, kind: type) -> None:
    table = service.create_table(unique_name)
    records = TableRuns(table) if kind is TableRuns else TableRecords(table, "run", Run)
    for name in HOSTILE_NAMES:
        records.add(name, make_run(name))

    assert [records.get(name).record.id for name in HOSTILE_NAMES] == HOSTILE_NAMES
    assert sorted(each.id for each in records.all()) == sorted(HOSTILE_NAMES)


def test_runs_are_paged_newest_first(runs: TableRuns) -> None:
    moments = [NOW + timedelta(hours=7 * number) for number in range(25)]
    names = [run_id("e1", "upload", moment) for moment in moments]
    for name in names[::2] + names[1::2]:
        runs.add(name, make_run(name))

    pages, after = [], None
    while True:
        page, after = runs.page(10, after)
        pages.append([run.id for run in page])
        if after is None:
            break

    assert [len(page) for page in pages] == [10, 10, 5]
    assert [name for page in pages for name in page] == names[::-1]


def test_the_last_full_page_says_so(runs: TableRuns) -> None:
    for number in range(4):
        runs.add(f"run-{number}", make_run(f"run-{number}"))
    runs.report("run-1", "push", Counts(sent=1))

    first, after = runs.page(2)
    second, end = runs.page(2, after)

    assert len(first) == len(second) == 2
    assert end is None
    assert runs.page(4)[1] is None


@pytest.mark.parametrize("run", ["run-1", "a/b#?%", "y" * 5_000])
def test_progress_adds_up_what_the_parts_said_last(runs: TableRuns, run: str) -> None:
    runs.report(run, "push a/b 1", Counts(sent=10, calls=1))
    runs.report(run, "push a/b 1", Counts(sent=100, calls=2))
    runs.report(run, "push a/b 2", Counts(sent=5, refused=1))
    runs.report("other", "push", Counts(sent=1_000))

    assert runs.progress(run) == Counts(sent=105, refused=1, calls=2)
    runs.forget_progress(run)
    assert runs.progress(run) == Counts()
    assert runs.progress("other") == Counts(sent=1_000)


@pytest.mark.parametrize("key", ["request-1", "k" * 10_000, "ключ/ /#"])
def test_a_request_is_remembered_as_of_its_first_arrival(runs: TableRuns, key: str) -> None:
    later = NOW + timedelta(minutes=5)

    with ThreadPoolExecutor(8) as pool:
        seen = list(
            pool.map(lambda number: runs.remember_request(key, NOW + timedelta(seconds=number)), range(8))
        )

    assert len(set(seen)) == 1
    assert runs.remember_request(key, later) == seen[0]
    assert runs.remember_request(key + "!", later) == later


def test_old_requests_are_forgotten_and_count_as_new(runs: TableRuns) -> None:
    for number in range(5):
        runs.remember_request(f"request/{number}", NOW + timedelta(days=number))

    assert runs.forget_requests(NOW + timedelta(days=3)) == 3
    assert runs.forget_requests(NOW + timedelta(days=3)) == 0

    seen = [runs.remember_request(f"request/{number}", NOW + timedelta(days=9)) for number in range(5)]
    assert [(each - NOW).days for each in seen] == [9, 9, 9, 3, 4]


class Elapsed:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
def catalogues(
    service: TableServiceClient, unique_name: str, elapsed: Elapsed
) -> Callable[[], TableCatalogue[Connection]]:
    """Each call gives the catalogue of another process."""
    table = service.create_table(unique_name)
    return lambda: TableCatalogue(table, "connection", Connection, elapsed)


def test_a_glance_shows_at_once_what_another_process_has_changed(
    catalogues: Callable[[], TableCatalogue[Connection]],
) -> None:
    ours, theirs = catalogues(), catalogues()
    assert ours.glance() == ()

    etag = theirs.add("c1", make_connection("one"))
    assert [each.display_name for each in ours.glance()] == ["one"]
    theirs.replace("c1", make_connection("two"), etag)
    assert [each.display_name for each in ours.glance()] == ["two"]
    theirs.change("c1", lambda present: make_connection("three"))
    assert [each.display_name for each in ours.glance()] == ["three"]
    theirs.upsert("c2", lambda present: make_connection("four"))
    assert [each.display_name for each in ours.glance()] == ["three", "four"]
    theirs.remove("c1")
    assert [each.display_name for each in ours.glance()] == ["four"]


def test_a_glance_shows_at_once_what_this_process_has_changed(
    catalogues: Callable[[], TableCatalogue[Connection]],
) -> None:
    ours = catalogues()
    ours.add("c1", make_connection("one"))
    assert [each.display_name for each in ours.glance()] == ["one"]

    ours.remove("c1")

    assert ours.glance() == ()


def test_a_glance_reads_nothing_again_that_has_not_changed(
    catalogues: Callable[[], TableCatalogue[Connection]],
) -> None:
    ours = catalogues()
    ours.add("c1", make_connection())

    first = ours.glance()

    assert ours.glance() is first


def test_a_change_of_one_kind_leaves_what_is_remembered_of_another(service: TableServiceClient) -> None:
    stores = TableStores(service)
    before = stores.exports.glance()

    stores.connections.upsert("c-of-another-kind", lambda present: make_connection())

    assert stores.exports.glance() is before


def test_a_writer_that_died_before_it_told_anybody_is_noticed_after_half_a_minute(
    service: TableServiceClient, unique_name: str, elapsed: Elapsed
) -> None:
    table = service.create_table(unique_name)
    ours = TableCatalogue(table, "connection", Connection, elapsed)
    assert ours.glance() == ()

    TableRecords(table, "connection", Connection).add("c1", make_connection("silent"))

    elapsed.seconds = 29.9
    assert ours.glance() == ()
    elapsed.seconds = 30.0
    assert [each.display_name for each in ours.glance()] == ["silent"]


class TableWithoutUpserts:
    """A table that takes new entities and answers no upsert: what tells of a change gets lost."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def __getattr__(self, name: str) -> object:
        return getattr(self._table, name)

    def upsert_entity(self, *_: object, **__: object) -> None:
        raise ServiceRequestError("Gone.")


def test_a_write_succeeds_although_nobody_can_be_told_and_its_own_process_knows(
    service: TableServiceClient, unique_name: str
) -> None:
    ours = TableCatalogue(
        TableWithoutUpserts(service.create_table(unique_name)), "connection", Connection, Elapsed()
    )
    assert ours.glance() == ()

    ours.add("c1", make_connection("one"))

    assert [each.display_name for each in ours.glance()] == ["one"]


def test_a_tally_is_one_however_many_runs_end_at_the_same_time(service: TableServiceClient) -> None:
    ours, theirs = TableStores(service), TableStores(service)
    ended = NOW + timedelta(days=4_000)
    made = [
        make_run_of(f"e{number}", NOW).model_copy(update={"ended_at": ended, "counts": Counts(sent=number)})
        for number in range(12)
    ]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda run: count_run(ours, run), made * 2))

    [tally] = [each for each in theirs.tallies.glance() if each.day == ended.date()]
    assert (tally.runs, tally.sent) == (12, 66)


def test_many_threads_that_glance_while_records_change_end_with_all_of_them(
    catalogues: Callable[[], TableCatalogue[Connection]],
) -> None:
    ours, theirs = catalogues(), catalogues()

    def work(number: int) -> int:
        if number % 3 == 0:
            theirs.add(f"c{number}", make_connection())
        return len(ours.glance())

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(30)))

    assert max(seen) <= 10
    assert len(ours.glance()) == 10


def make_run_of(export_id: str, moment: datetime) -> Run:
    return make_run(run_id(export_id, "upload", moment)).model_copy(update={"export_id": export_id})


def test_the_runs_of_one_export_are_paged_newest_first(runs: TableRuns) -> None:
    moments = [NOW + timedelta(hours=7 * number) for number in range(7)]
    for export in ("a/b #1", "other"):
        for moment in moments:
            run = make_run_of(export, moment)
            runs.add(run.id, run)

    pages, after = [], None
    while True:
        page, after = runs.page_of("a/b #1", 3, after)
        pages.append(page)
        if after is None:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    expected = [make_run_of("a/b #1", moment) for moment in reversed(moments)]
    assert [run for page in pages for run in page] == expected
    assert runs.page_of("none", 3) == ([], None)


def test_a_removed_run_is_gone_from_those_of_its_export(runs: TableRuns) -> None:
    kept, removed = (make_run_of("e1", NOW + timedelta(hours=number)) for number in range(2))
    for run in (kept, removed):
        runs.add(run.id, run)

    runs.remove(removed.id)
    runs.remove(removed.id)

    assert runs.page_of("e1", 10) == ([kept], None)
    assert [run.id for run in runs.all()] == [kept.id]


def end(runs: TableRuns, run: Run, status: RunStatus = RunStatus.FAILED) -> Run:
    return runs.change(run.id, lambda present: present.model_copy(update={"status": status}))


def test_runs_are_found_by_the_status_they_have_now(runs: TableRuns) -> None:
    made = [make_run_of(f"e{number % 2}", NOW + timedelta(hours=number)) for number in range(8)]
    for run in made:
        runs.add(run.id, run)
    failed = [end(runs, run) for run in made[::3]]
    successful = end(runs, made[1], RunStatus.SUCCESSFUL)

    first, after = runs.page_with(RunStatus.FAILED, 2)
    rest, over = runs.page_with(RunStatus.FAILED, 2, after)
    assert (first + rest, over) == (failed[::-1], None)
    assert runs.page_with(RunStatus.SUCCESSFUL, 5) == ([successful], None)
    assert runs.page_with(RunStatus.CANCELED, 5) == ([], None)

    queued = [made[number] for number in (7, 5, 4, 2)]
    first, after = runs.page_with(RunStatus.QUEUED, 3)
    assert first == queued[:3]
    assert runs.page_with(RunStatus.QUEUED, 3, after) == (queued[3:], None)
    assert runs.page_with(RunStatus.PROCESSING, 3) == ([], None)


def test_of_many_runs_that_go_on_only_so_many_are_read_for_a_page(runs: TableRuns) -> None:
    moments = [NOW + timedelta(minutes=number) for number in range(620)]
    made = [make_run_of("e1", moment) for moment in moments]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: runs.add(run.id, run), made))
    oldest = end(runs, made[0], RunStatus.WAITING_FOR_APPROVAL)

    page, after = runs.page_with(RunStatus.WAITING_FOR_APPROVAL, 10)

    assert page == []
    assert after is not None
    assert runs.page_with(RunStatus.WAITING_FOR_APPROVAL, 10, after) == ([oldest], None)


def test_the_runs_of_an_export_are_as_they_are_now_before_and_after_their_end(runs: TableRuns) -> None:
    made = [make_run_of("e1", NOW + timedelta(hours=number)) for number in range(4)]
    for run in made:
        runs.add(run.id, run)
    made[2] = end(runs, made[2], RunStatus.SUCCESSFUL)
    made[3] = end(runs, made[3], RunStatus.PROCESSING)

    assert runs.page_of("e1", 10) == (made[::-1], None)


def test_only_runs_that_have_not_ended_are_unfinished(runs: TableRuns) -> None:
    made = [make_run_of("e1", NOW + timedelta(hours=number)) for number in range(4)]
    for run in made:
        runs.add(run.id, run)
    end(runs, made[1])
    waiting = end(runs, made[2], RunStatus.WAITING_FOR_APPROVAL)
    runs.remove(made[0].id)

    assert runs.unfinished() == [made[3].id, waiting.id]
    assert runs.read_unfinished([waiting.id, made[3].id, made[1].id, made[0].id]) == [waiting, made[3]]


def test_a_removed_run_is_in_no_list(runs: TableRuns) -> None:
    run = make_run_of("e1", NOW)
    runs.add(run.id, run)
    end(runs, run)

    runs.remove(run.id)

    assert runs.page_with(RunStatus.FAILED, 10) == runs.page_of("e1", 10) == runs.page(10) == ([], None)
    assert runs.unfinished() == []


class TableOfFewDeletions:
    """A table that deletes so many entities, and then answers no deletion."""

    def __init__(self, table: TableClient, deletions: int) -> None:
        self._table, self._left = table, deletions

    def __getattr__(self, name: str) -> object:
        return getattr(self._table, name)

    def delete_entity(self, *key: str) -> None:
        if not self._left:
            raise ServiceRequestError("Gone.")
        self._left -= 1
        self._table.delete_entity(*key)


@pytest.mark.parametrize("deletions", range(4))
def test_a_run_that_was_removed_by_halves_is_found_again_by_who_purges(
    service: TableServiceClient, unique_name: str, deletions: int
) -> None:
    table = service.create_table(unique_name)
    runs, run = TableRuns(table), make_run_of("e1", NOW)
    runs.add(run.id, run)
    end(runs, run)

    with pytest.raises(StorageUnavailable):
        TableRuns(TableOfFewDeletions(table, deletions)).remove(run.id)

    assert [each.id for each in runs.page(10)[0]] == [run.id]
    runs.remove(run.id)
    assert list(table.list_entities()) == []


def test_a_run_whose_end_was_written_by_halves_is_put_in_its_lists_by_who_looks(
    service: TableServiceClient, unique_name: str
) -> None:
    table = service.create_table(unique_name)
    runs, run = TableRuns(table), make_run_of("e1", NOW)
    runs.add(run.id, run)
    TableRecords(table, "run", Run, newest_first).change(
        run.id, lambda present: present.model_copy(update={"status": RunStatus.FAILED})
    )
    assert runs.unfinished() == [run.id]

    assert runs.read_unfinished([run.id]) == []

    assert runs.unfinished() == []
    assert [each.id for each in runs.page_with(RunStatus.FAILED, 5)[0]] == [run.id]


def test_an_entry_that_leads_nowhere_is_passed_over(service: TableServiceClient, unique_name: str) -> None:
    table = service.create_table(unique_name)
    runs = TableRuns(table)
    run = make_run_of("e1", NOW)
    runs.add(run.id, run)
    entry = {"PartitionKey": "runs-of:e1", "RowKey": "run-0-x", "Id": "run-9-x"}
    table.create_entity(entry)

    assert runs.page_of("e1", 10) == ([run], None)


def test_a_lane_has_one_run_at_a_time(lanes: TableLanes) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: lanes.take("c1", f"run-{number}", NOW, 60), range(8)))

    assert answers.count(None) == 1
    winner = f"run-{answers.index(None)}"
    assert {answer for answer in answers if answer} == {winner}
    assert lanes.take("c2", "run-x", NOW, 60) is None


def test_the_run_that_has_a_lane_may_prolong_it(lanes: TableLanes) -> None:
    lanes.take("c1", "run-1", NOW, 60)

    assert lanes.take("c1", "run-1", NOW + timedelta(seconds=50), 60) is None
    assert lanes.take("c1", "run-2", NOW + timedelta(seconds=100), 60) == "run-1"


def test_a_lane_runs_out(lanes: TableLanes) -> None:
    lanes.take("c1", "run-1", NOW, 60)

    assert lanes.take("c1", "run-2", NOW + timedelta(seconds=60), 60) is None
    assert lanes.take("c1", "run-1", NOW + timedelta(seconds=61), 60) == "run-2"


def test_only_the_run_that_has_a_lane_can_leave_it(lanes: TableLanes) -> None:
    lanes.take("c1", "run-1", NOW, 60)

    lanes.leave("c1", "run-2")
    assert lanes.take("c1", "run-2", NOW, 60) == "run-1"
    lanes.leave("c1", "run-1")
    assert lanes.take("c1", "run-2", NOW, 60) is None
    lanes.leave("c9", "run-1")


def test_who_waits_for_a_lane_gets_it_in_order(lanes: TableLanes) -> None:
    lanes.take("c1", "run-1", NOW, 60)
    assert [lanes.queue("c1", run, NOW) for run in ("run-2", "run-3", "run-2")] == [1, 2, 1]

    lanes.leave("c1", "run-1")
    assert lanes.take("c1", "run-4", NOW, 60) == "run-2"
    assert lanes.take("c1", "run-2", NOW, 60) is None
    lanes.leave("c1", "run-2")
    lanes.leave("c1", "run-3")
    assert lanes.take("c1", "run-4", NOW, 60) is None


def test_many_who_queue_at_once_all_have_places(lanes: TableLanes) -> None:
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda number: lanes.queue("c1", f"run-{number}", NOW), range(8)))

    assert sorted(places) == list(range(1, 9))


def test_nothing_is_left_of_a_lane_that_nobody_has_or_wants(
    service: TableServiceClient, unique_name: str
) -> None:
    table = service.create_table(unique_name)
    lanes = TableLanes(table)
    lanes.take("c1", "run-1", NOW, 60)
    lanes.queue("c1", "run-2", NOW)
    lanes.leave("c1", "run-1")
    lanes.leave("c1", "run-2")

    assert list(table.list_entities()) == []


def test_a_lane_that_an_earlier_version_wrote_is_read(service: TableServiceClient, unique_name: str) -> None:
    table = service.create_table(unique_name)
    until = (NOW + timedelta(seconds=60)).timestamp()
    table.create_entity({"PartitionKey": "lane", "RowKey": "c1", "Run": "run-1", "Until": until})

    assert TableLanes(table).take("c1", "run-2", NOW, 60) == "run-1"


def test_a_pace_comes_back_as_it_was(paces: TablePaces) -> None:
    whole = Pace(19.6, 20.0, 1_772_366_400.25, 1_772_366_390.5, 3, 1_772_366_380.125)
    seen: list[Pace | None] = []

    def set_to(pace: Pace) -> None:
        paces.change("a/b", lambda before: seen.append(before) or pace)

    set_to(whole)
    set_to(Pace(None, None, 5.0))
    set_to(whole)

    assert seen == [None, whole, Pace(None, None, 5.0)]


def test_a_pace_that_was_forgotten_begins_anew(paces: TablePaces) -> None:
    seen: list[Pace | None] = []
    paces.change("c1", lambda _: Pace(5.0, None, 1.0))

    paces.forget("c1")
    paces.forget("c1")
    paces.change("c1", lambda before: seen.append(before) or Pace(5.0, None, 1.0))

    assert seen == [None]


def test_a_pace_is_changed_atomically(paces: TablePaces) -> None:
    def reserve(_: int) -> float:
        taken: list[float] = []

        def take(before: Pace | None) -> Pace:
            before = before or Pace(20.0, 20.0, 0.0)
            taken[:] = [before.next_free_at]
            return replace(before, next_free_at=before.next_free_at + 1.0)

        paces.change("c1", take)
        return taken[0]

    with ThreadPoolExecutor(8) as pool:
        moments = list(pool.map(reserve, range(64)))

    assert sorted(moments) == [float(number) for number in range(64)]


def test_a_missing_table_is_an_outage_and_not_an_endless_loop(
    service: TableServiceClient, unique_name: str
) -> None:
    table = service.get_table_client(unique_name)

    with pytest.raises(StorageUnavailable):
        TablePaces(table).change("c1", lambda _: Pace(None, None, 0.0))
    with pytest.raises(StorageUnavailable):
        TableLanes(table).take("c1", "run-1", NOW, 60)
    with pytest.raises(StorageUnavailable):
        TableRuns(table).add("run-1", make_run("run-1"))
    with pytest.raises(StorageUnavailable):
        TableRuns(table).report("run-1", "push", Counts())
    with pytest.raises(StorageUnavailable):
        TableRuns(table).page(10)


def test_storage_that_is_down_or_lacks_a_table_is_named_as_such_and_a_new_start_makes_the_table(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        AzuriteServer(tmp_path_factory.mktemp("mortal")) as mortal,
        TableServiceClient.from_connection_string(mortal.connection_string, retry_total=0) as client,
    ):
        stores = TableStores(client)
        stores.ping()
        for name in ("SegpilotCatalogue", "SegpilotRuns", "SegpilotCoordination"):
            client.delete_table(name)
            with pytest.raises(StorageUnavailable):
                stores.ping()
            TableStores(client).ping()
        mortal.stop()

        with pytest.raises(StorageUnavailable):
            stores.ping()
        with pytest.raises(StorageUnavailable):
            stores.runs.change("run-1", lambda run: run)
        with pytest.raises(StorageUnavailable):
            list(stores.exports.all())
        with pytest.raises(StorageUnavailable):
            stores.exports.glance()
        with pytest.raises(StorageUnavailable):
            stores.lanes.leave("c1", "run-1")


def test_each_pace_has_a_partition_of_its_own(service: TableServiceClient, unique_name: str) -> None:
    table = service.create_table(unique_name)
    paces = TablePaces(table)
    for number in range(3):
        paces.change(f"c{number}", lambda _: Pace(5.0, None, 1.0))
    assert len({row["PartitionKey"] for row in table.list_entities()}) == 3
