"""The ledger: what a run's results make of it."""

from shared.domain.export import FieldMapping
from shared.pipeline.erasure.erased_files import Person, drop_person
from shared.pipeline.ledger import Answer, leaver_line, read_mapping, refused_line
from shared.pipeline.ledger import accepted_line as line_of_accepted
from shared.pipeline.workspace import open_database
from tests.staging_bench import LEDGER, StagingBench


def accepted_line(email, content_hash, contact_id):
    return line_of_accepted(email, content_hash, contact_id, (0, 2))


def test_who_was_accepted_is_on_the_ledger_with_the_hash_of_what_was_sent():
    bench = StagingBench()
    assert bench.merge(accepted_line("ana@example.com", 2**64 - 1, "person-1")) == (1, [])
    assert bench.ledger() == {"ana@example.com": (2**64 - 1, "person-1")}


def test_who_was_refused_is_not_on_the_ledger_and_is_told_with_the_line():
    bench = StagingBench()
    assert bench.merge(refused_line("ana@example.com", (3, 17), "not_accepted")) == (
        0,
        [Answer("ana@example.com", None, 3, 17, "not_accepted")],
    )
    assert bench.ledger() == {}


def test_acceptance_outweighs_refusal_in_any_order():
    yes, no = accepted_line("ana@example.com", 7, "person-1"), refused_line("ana@example.com", (0, 2), "no")
    for results in ([yes, no], [no, yes], [no + yes, no]):
        bench = StagingBench()
        assert bench.merge(*results) == (1, [])
        assert bench.ledger() == {"ana@example.com": (7, "person-1")}


def test_a_new_acceptance_takes_the_place_of_the_old_one_and_others_stay():
    bench = StagingBench()
    bench.merge(
        accepted_line("ana@example.com", 1, "person-1") + accepted_line("ion@example.com", 2, "person-2")
    )
    bench.merge(accepted_line("ana@example.com", 3, "person-1"))
    assert bench.ledger() == {"ana@example.com": (3, "person-1"), "ion@example.com": (2, "person-2")}


def test_a_refusal_leaves_what_was_accepted_earlier():
    bench = StagingBench()
    bench.merge(accepted_line("ana@example.com", 1, "person-1"))
    bench.merge(refused_line("ana@example.com", (0, 2), "not_accepted"))
    assert bench.ledger() == {"ana@example.com": (1, "person-1")}


def test_a_person_refused_several_times_is_told_once():
    bench = StagingBench()
    line = refused_line("ana@example.com", (0, 2), "not_accepted")
    _, refused = bench.merge(line + line, line)
    assert refused == [Answer("ana@example.com", None, 0, 2, "not_accepted")]


def test_nothing_to_merge_leaves_the_ledger():
    bench = StagingBench()
    bench.merge(accepted_line("ana@example.com", 1, "person-1"))
    assert bench.merge() == (0, [])
    assert bench.ledger() == {"ana@example.com": (1, "person-1")}


def test_strange_contact_ids_and_addresses_survive():
    bench = StagingBench()
    bench.merge(
        accepted_line("o'neil@example.com", 1, 'a\tb\nc"d')
        + accepted_line("null@example.com", 2, "")
        + accepted_line("ünï@example.com", 3, "NULL")
    )
    ledger = bench.ledger()
    assert ledger["o'neil@example.com"] == (1, 'a b c"d')
    assert ledger["ünï@example.com"] == (3, "NULL")
    assert ledger["null@example.com"] == (2, "")


def test_a_ledger_without_an_erased_person_still_says_its_mapping(tmp_path):
    bench = StagingBench()
    bench.fields = (FieldMapping(field="FirstName", column="First"),)
    bench.merge(
        accepted_line("ana@example.com", 1, "person-1") + accepted_line("ion@example.com", 2, "person-2")
    )
    assert drop_person(bench.state, LEDGER, Person("ana@example.com")) == ("ledger rows", 1)
    assert bench.ledger() == {"ion@example.com": (2, "person-2")}
    bench.state.download(LEDGER, tmp_path / "ledger.parquet")
    with open_database(tmp_path, 128) as database:
        assert read_mapping(database, tmp_path / "ledger.parquet") == bench.fields


def test_whoever_was_taken_off_is_off_the_ledger_and_whoever_was_not_stays():
    bench = StagingBench()
    bench.merge("".join(accepted_line(f"{name}@example.com", 1, name) for name in ("ana", "ion", "eva")))
    off, on = (
        leaver_line("ana@example.com", "ana", removed=True),
        leaver_line("ion@example.com", "ion", removed=False),
    )
    twice = leaver_line("eva@example.com", "eva", removed=False) + leaver_line(
        "eva@example.com", "eva", removed=True
    )
    for _ in range(2):
        bench.merge(off + on + twice)
        assert set(bench.ledger()) == {"ion@example.com"}
