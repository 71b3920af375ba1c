"""Staging after the mapping was edited: what the edit changes is sent again, and nothing else."""

import pytest

from shared.domain.export import FieldMapping, Leavers
from shared.domain.segment import SnapshotMode
from shared.pipeline.workspace import open_database, scratch_folder
from tests.staging_bench import LEDGER, StagingBench, accepted

FIRST = FieldMapping(field="FirstName", column="First")
CITY = FieldMapping(field="City", column="Town")
CONSTANT = FieldMapping(field="Source", constant="Shop")


def file(*, towns: int = 10, moved: bool = False, without: str = "") -> dict[str, str]:
    """A hundred people, the first of whom have a town."""
    head = ["EMail", "First", "Town"]
    rows = [
        [f"p{n}@example.com", f"Ana{n}", ("Cluj" if moved else "Oradea") if n < towns else ""]
        for n in range(100)
    ]
    kept = [place for place, name in enumerate(head) if name != without]
    return {"vip/a.csv": "".join(",".join(row[place] for place in kept) + "\n" for row in [head, *rows])}


@pytest.fixture
def bench() -> StagingBench:
    """Everybody was sent with the first name."""
    bench = StagingBench()
    send(bench, file(), [FIRST])
    return bench


def send(bench: StagingBench, files, fields, take: int = 1_000, **order):
    """Stage, and let the destination take the first so many."""
    staged = bench.stage(files, fields=fields, delimiter=",", **order)
    bench.merge(accepted(bench.people(staged)[:take]), staged=staged)
    return staged


def sent(bench: StagingBench, fields, files=None, **order) -> int:
    return send(bench, files or file(), fields, **order).counts.to_send


def test_a_field_more_is_sent_for_those_who_have_a_value_and_only_once(bench):
    staged = send(bench, file(), [FIRST, CITY])
    assert (staged.counts.changed, staged.counts.unchanged) == (10, 90)
    assert sent(bench, [FIRST, CITY]) == 0


def test_a_field_less_is_not_sent(bench):
    send(bench, file(), [FIRST, CITY])
    assert sent(bench, [FIRST]) == 0
    assert sent(bench, [FIRST]) == 0


def test_another_constant_is_sent_to_everybody(bench):
    assert sent(bench, [FIRST, CONSTANT]) == 100
    assert sent(bench, [FIRST, CONSTANT.model_copy(update={"constant": "Fair"})]) == 100
    assert sent(bench, [FIRST, CONSTANT.model_copy(update={"constant": "Fair"})]) == 0
    assert sent(bench, [FIRST]) == 0


def test_another_order_of_fields_changes_nothing(bench):
    send(bench, file(), [FIRST, CITY])
    assert sent(bench, [CITY, FIRST]) == 0


def test_people_who_have_changed_are_sent_whatever_the_mapping_was(bench):
    send(bench, file(), [FIRST, CITY])
    assert sent(bench, [FIRST, CITY, CONSTANT], file(moved=True)) == 100
    assert sent(bench, [CITY], file(moved=False)) == 10


def test_a_run_that_ends_half_way_goes_on_where_it_was(bench):
    send(bench, file(), [FIRST, CITY], take=4)
    staged = send(bench, file(), [FIRST, CITY])
    assert (staged.counts.changed, staged.counts.unchanged) == (6, 94)
    assert sent(bench, [FIRST, CITY]) == 0


def test_two_edits_one_after_the_other_send_what_each_of_them_changes(bench):
    send(bench, file(), [FIRST, CITY], take=4)
    staged = send(bench, file(), [FIRST, CITY.model_copy(update={"field": "MailingCity"})])
    assert staged.counts.changed == 10
    assert sent(bench, [FIRST]) == 0


def test_a_full_run_sends_everybody_whatever_was_edited(bench):
    assert sent(bench, [FIRST, CITY], full=True) == 100
    assert sent(bench, [FIRST, CITY]) == 0


def test_a_former_column_that_is_gone_leaves_the_plain_comparison(bench):
    send(bench, file(), [FIRST, CITY])
    assert sent(bench, [CITY], file(without="First")) == 100
    assert sent(bench, [CITY], file(without="First")) == 0


def forget_mapping(bench: StagingBench) -> None:
    """Make the ledger one that does not say how its hashes were made."""
    with scratch_folder() as folder, open_database(folder, 128) as database:
        old, new = folder / "old.parquet", folder / "new.parquet"
        bench.state.download(LEDGER, old)
        database.execute(f"copy (select * from read_parquet('{old}')) to '{new}' (format parquet)")
        bench.state.upload(LEDGER, new)


def test_a_ledger_that_does_not_say_its_mapping_is_compared_plainly(bench):
    forget_mapping(bench)
    assert sent(bench, [FIRST]) == 0
    assert sent(bench, [FIRST, CITY]) == 10
    forget_mapping(bench)
    assert sent(bench, [FIRST]) == 10


def test_names_with_quotes_survive_in_the_ledger(bench):
    strange = FieldMapping(field='O\'Neil "é" \\; {}', column="First")
    assert sent(bench, [strange]) == 100
    assert sent(bench, [strange, CITY]) == 10


def test_who_leaves_and_who_is_rebased_do_not_get_in_each_others_way(bench):
    fewer = {"vip/a.csv": "\n".join(file()["vip/a.csv"].split("\n")[:51]) + "\n"}
    staged = send(bench, fewer, [FIRST, CITY], leavers=Leavers.REMOVE)
    assert (staged.counts.changed, staged.counts.unchanged, staged.counts.leavers) == (10, 40, 50)


def test_a_delta_is_compared_by_the_former_mapping_too(bench):
    assert sent(bench, [FIRST, CITY], mode=SnapshotMode.DELTA) == 10
