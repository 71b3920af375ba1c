"""Staging: who has left a segment, and when nobody is taken off the list."""

import pytest

from shared.domain.email_address import email_hash
from shared.domain.errors import Conflict, SegmentUnreadable
from shared.domain.export import Leavers
from shared.domain.segment import SnapshotMode, SourceFormat
from shared.pipeline.workspace import open_database, scratch_folder
from tests.staging_bench import SUPPRESSION, StagingBench, as_csv


@pytest.fixture
def bench() -> StagingBench:
    return StagingBench()


def emails(count: int, start: int = 0) -> list[str]:
    return [f"p{number}@example.com" for number in range(start, start + count)]


def files(*addresses: str, rest: str = "") -> dict[str, str]:
    return {"vip/a.csv": "EMail,First\n" + "".join(f"{address},x\n" for address in addresses) + rest}


def changes(*rows: tuple[str, bool]) -> dict[str, str]:
    """Rows of a format that says who leaves."""
    lines = (f"{email},{'expired' if leaves else 'realized'}\n" for email, leaves in rows)
    return {"vip/a.csv": "EMail,segmentMembership.status\n" + "".join(lines)}


def put_on_list(bench: StagingBench, *addresses: str) -> None:
    bench.accept(bench.people(bench.stage(files(*addresses))))


def leaver_emails(bench: StagingBench, staged) -> list[str]:
    return [leaver.email for leaver in bench.leavers(staged)]


def test_who_is_on_the_ledger_and_not_in_the_segment_is_taken_off(bench):
    put_on_list(bench, *emails(30))
    staged = bench.stage(files(*emails(7), "new@example.com"), leavers=Leavers.REMOVE, batches_per_chunk=2)
    assert sorted(leaver_emails(bench, staged)) == sorted(emails(23, start=7))
    assert all(leaver.contact_id == f"id {leaver.email}" for leaver in bench.leavers(staged))
    assert (staged.counts.leavers, staged.ledger_people, staged.leaver_chunks) == (23, 30, 2)
    assert (staged.counts.new, staged.counts.unchanged, staged.warnings) == (1, 7, ())


def test_leavers_who_are_kept_are_only_counted(bench):
    put_on_list(bench, *emails(5))
    staged = bench.stage(files(*emails(2)))
    assert (staged.counts.leavers, staged.leaver_chunks, staged.warnings) == (3, 0, ())


@pytest.mark.parametrize("lost", [False, True])
def test_without_a_ledger_nobody_leaves_and_the_run_says_why(bench, lost):
    staged = bench.stage(files(*emails(3)), leavers=Leavers.REMOVE, ledger_lost=lost)
    assert (staged.counts.leavers, staged.leaver_chunks) == (0, 0)
    [warning] = staged.warnings
    assert ("new baseline" in warning) is lost
    assert ("first run" in warning) is not lost


def test_a_part_of_a_segment_takes_nobody_off(bench):
    put_on_list(bench, *emails(3))
    staged = bench.stage(files(*emails(1)), leavers=Leavers.REMOVE, mode=SnapshotMode.PARTIAL)
    assert (staged.counts.leavers, staged.leaver_chunks) == (0, 0)
    assert "a part of the segment" in staged.warnings[0]


@pytest.mark.parametrize("rows", [(), ("nobody",)])
def test_files_without_a_single_person_take_nobody_off(bench, rows):
    put_on_list(bench, *emails(3))
    staged = bench.stage(files(*rows), leavers=Leavers.REMOVE)
    assert (staged.counts.leavers, staged.leaver_chunks) == (3, 0)
    assert "3 people are on the list" in staged.warnings[0]


def test_rows_that_cannot_be_read_keep_everybody_on_the_list(bench):
    put_on_list(bench, *emails(3))
    staged = bench.stage(files(*emails(1), rest="p1@example.com,x,too many\n"), leavers=Leavers.REMOVE)
    assert (staged.counts.leavers, staged.leaver_chunks) == (2, 0)
    assert "1 rows could not be read" in staged.warnings[0]


def test_rows_that_cannot_be_read_are_no_matter_when_nobody_is_missing(bench):
    put_on_list(bench, *emails(3))
    staged = bench.stage(files(*emails(3), rest="broken\n"), leavers=Leavers.REMOVE)
    assert (staged.counts.leavers, staged.warnings) == (0, ())


def test_guards_say_nothing_when_leavers_are_kept(bench):
    assert bench.stage(files(*emails(1))).warnings == ()
    put_on_list(bench, *emails(3))
    for mode in SnapshotMode:
        assert bench.stage(files(), mode=mode).warnings == ()


def test_over_the_limit_nobody_is_taken_off_either(bench):
    put_on_list(bench, *emails(3))
    staged = bench.stage(files(*emails(9, start=1)), leavers=Leavers.REMOVE, max_profiles=5)
    assert (staged.chunks, staged.leaver_chunks) == (0, 0)


def test_in_a_delta_the_last_row_of_a_person_counts_and_the_others_are_no_rejects(bench):
    staged = bench.stage(
        {
            "vip/1.csv": "EMail,First\nana@example.com,Ana\nion@example.com,Ion\nana@example.com,Anna\n",
            "vip/2.csv": "EMail,First\nION@example.com,Iosif\n",
        },
        fields={"FirstName": "First"},
        mode=SnapshotMode.DELTA,
    )
    assert [(person.body, person.origin) for person in bench.people(staged)] == [
        ('{"Email":"ana@example.com","FirstName":"Anna"}', (0, 4)),
        ('{"Email":"ion@example.com","FirstName":"Iosif"}', (1, 2)),
    ]
    assert (staged.rejected, staged.counts.rows, staged.counts.profiles) == ({}, 4, 2)


def test_only_whom_a_delta_names_as_leaving_is_taken_off(bench):
    put_on_list(bench, *emails(5))
    staged = bench.stage(
        changes(("p1@example.com", True), ("never@example.com", True), ("new@example.com", False)),
        format=SourceFormat.ADOBE,
        leavers=Leavers.REMOVE,
        mode=SnapshotMode.DELTA,
    )
    assert leaver_emails(bench, staged) == ["p1@example.com"]
    assert [person.email for person in bench.people(staged)] == ["new@example.com"]
    assert (staged.counts.profiles, staged.counts.leavers) == (1, 1)
    assert "hold changes" in staged.warnings[0]


def test_a_delta_of_leavers_alone_takes_them_off(bench):
    put_on_list(bench, *emails(2))
    staged = bench.stage(
        changes(("p0@example.com", True)),
        format=SourceFormat.ADOBE,
        leavers=Leavers.REMOVE,
        mode=SnapshotMode.DELTA,
        fields={"FirstName": "First"},
    )
    assert leaver_emails(bench, staged) == ["p0@example.com"]


def test_a_column_is_missed_as_soon_as_somebody_does_not_leave(bench):
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage(
            changes(("p0@example.com", True), ("p1@example.com", False)),
            format=SourceFormat.ADOBE,
            mode=SnapshotMode.DELTA,
            fields={"FirstName": "First"},
        )
    assert raised.value.reason == "column-missing"


@pytest.mark.parametrize("returns", [True, False])
def test_the_last_word_of_a_delta_decides_who_leaves(bench, returns):
    put_on_list(bench, *emails(1))
    staged = bench.stage(
        changes(("p0@example.com", returns), ("p0@example.com", not returns)),
        format=SourceFormat.ADOBE,
        leavers=Leavers.REMOVE,
        mode=SnapshotMode.DELTA,
    )
    assert leaver_emails(bench, staged) == ([] if returns else ["p0@example.com"])
    assert staged.counts.profiles == returns


def test_rows_of_people_who_leave_are_not_in_a_full_segment(bench):
    put_on_list(bench, *emails(3))
    staged = bench.stage(
        changes(("p0@example.com", True), ("p0@example.com", False), ("p1@example.com", True)),
        format=SourceFormat.ADOBE,
        leavers=Leavers.REMOVE,
    )
    assert sorted(leaver_emails(bench, staged)) == ["p1@example.com", "p2@example.com"]
    assert (staged.counts.profiles, staged.counts.rows, staged.rejected) == (1, 3, {})


def suppress(bench: StagingBench, *addresses: str) -> None:
    bench.state.write(
        SUPPRESSION, "".join(f"{each}\n" for each in sorted(map(email_hash, addresses))).encode()
    )


def test_suppressed_people_are_not_sent_and_are_leavers(bench):
    put_on_list(bench, *emails(3))
    suppress(bench, "p1@example.com", "new@example.com")
    staged = bench.stage(files(*emails(3), "NEW@example.com"), leavers=Leavers.REMOVE)
    assert bench.people(staged) == []
    assert leaver_emails(bench, staged) == ["p1@example.com"]
    assert staged.counts.profiles == 2
    assert [row[2:] for row in bench.rejects(staged)] == [
        ["3", "EMail", "suppressed", "p***@example.com"],
        ["5", "EMail", "suppressed", "n***@example.com"],
    ]


@pytest.mark.parametrize("listed", [None, b""])
def test_without_anybody_on_it_a_suppression_list_does_nothing(bench, listed):
    if listed is not None:
        bench.state.write(SUPPRESSION, listed)
    assert bench.stage(files(*emails(2))).counts.profiles == 2


def test_suppressed_people_leave_whether_a_delta_names_them_or_not(bench):
    put_on_list(bench, *emails(3))
    suppress(bench, "p1@example.com")
    staged = bench.stage(files("p2@example.com"), leavers=Leavers.REMOVE, mode=SnapshotMode.DELTA)
    assert leaver_emails(bench, staged) == ["p1@example.com"]


def test_somebody_who_leaves_is_no_reject_suppressed_or_not(bench):
    put_on_list(bench, *emails(2))
    suppress(bench, "p1@example.com")
    staged = bench.stage(
        changes(("p0@example.com", True), ("p1@example.com", True)),
        format=SourceFormat.ADOBE,
        leavers=Leavers.REMOVE,
        mode=SnapshotMode.DELTA,
    )
    assert leaver_emails(bench, staged) == emails(2)
    assert staged.rejected == {}


CONSENTS = ("yes", "Da", "sí", "1", "true", "no", "", " ", "0", "maybe")


def with_consents(*consents: str) -> dict[str, str]:
    rows = [(f"p{number}@example.com", consent) for number, consent in enumerate(consents)]
    return {"vip/a.csv": as_csv([("EMail", "OK"), *rows])}


def test_only_people_who_agreed_are_sent(bench):
    staged = bench.stage(with_consents(*CONSENTS), consent_column=" ok", delimiter=",")
    assert [person.email for person in bench.people(staged)] == emails(5)
    assert staged.rejected == {"no_consent": 4, "consent_unreadable": 1}
    assert bench.rejects(staged)[-1] == [
        "vip", "vip/a.csv", "11", " ok", "consent_unreadable", "p***@example.com"
    ]  # fmt: skip


def test_people_who_agree_no_more_are_leavers(bench):
    put_on_list(bench, *emails(3))
    for mode in (SnapshotMode.FULL, SnapshotMode.DELTA):
        staged = bench.stage(
            with_consents("yes", "no", "yes"), consent_column="OK", leavers=Leavers.REMOVE, mode=mode
        )
        assert leaver_emails(bench, staged) == ["p1@example.com"]


def test_the_row_that_counts_says_whether_somebody_agreed(bench):
    rows = [("EMail", "OK"), ("a@example.com", "no"), ("a@example.com", "yes")]
    staged = bench.stage({"vip/a.csv": as_csv(rows)}, consent_column="OK")
    assert (staged.counts.profiles, staged.rejected) == (0, {"no_consent": 1, "duplicate_email": 1})
    staged = bench.stage({"vip/a.csv": as_csv(rows)}, consent_column="OK", mode=SnapshotMode.DELTA)
    assert (staged.counts.profiles, staged.rejected) == (1, {})


def test_a_file_without_the_consent_column_is_refused(bench):
    with pytest.raises(SegmentUnreadable) as raised:
        bench.stage(files(*emails(1)), consent_column="OK")
    assert raised.value.reason == "column-missing"


def test_a_retry_stages_only_those_who_were_not_sent(bench):
    bench.state.write("retry.parquet", as_parquet("p1@example.com", "p3@example.com", "gone@example.com"))
    rows = files(*emails(5), "nobody", "p0@example.com", "p1@example.com", rest="broken\n")
    staged = bench.stage(rows, retry_set="retry.parquet", leavers=Leavers.REMOVE)
    assert [person.email for person in bench.people(staged)] == ["p1@example.com", "p3@example.com"]
    assert (staged.counts.profiles, staged.rejected, staged.warnings) == (2, {}, ())


def test_a_retry_sends_nobody_who_was_accepted_meanwhile_and_takes_nobody_off(bench):
    put_on_list(bench, *emails(2), "left@example.com")
    bench.state.write("retry.parquet", as_parquet("p1@example.com", "p2@example.com"))
    staged = bench.stage(files(*emails(3)), retry_set="retry.parquet", leavers=Leavers.REMOVE)
    assert [person.email for person in bench.people(staged)] == ["p2@example.com"]
    assert (staged.counts.unchanged, staged.counts.leavers, staged.leaver_chunks) == (1, 0, 0)


def test_a_retry_of_nobody_stages_nobody(bench):
    bench.state.write("retry.parquet", as_parquet("gone@example.com"))
    assert bench.stage(files(*emails(2)), retry_set="retry.parquet").counts.profiles == 0


def test_a_retry_fails_when_nobody_knows_any_more_whom_to_try_again(bench):
    with pytest.raises(Conflict) as raised:
        bench.stage(files(*emails(2)), retry_set="purged.parquet")
    assert raised.value.reason == "retry-expired"


def test_a_retry_honours_the_suppression_of_today(bench):
    suppress(bench, "p1@example.com", "p2@example.com")
    bench.state.write("retry.parquet", as_parquet("p0@example.com", "p1@example.com"))
    staged = bench.stage(files(*emails(3)), retry_set="retry.parquet")
    assert (staged.counts.profiles, staged.rejected) == (1, {"suppressed": 1})


def as_parquet(*addresses: str) -> bytes:
    with scratch_folder() as folder, open_database(folder, 128) as database:
        database.execute("create table people (email varchar)")
        database.executemany("insert into people values (?)", [[address] for address in addresses])
        database.execute(f"copy people to '{folder / 'people.parquet'}' (format parquet)")
        return (folder / "people.parquet").read_bytes()
