"""What stays of a run for later: whom to try again, and the row log."""

from collections import Counter
from dataclasses import replace

import duckdb
import orjson
import pytest

from shared.domain.email_address import email_hash
from shared.domain.errors import Refused, StorageUnavailable
from shared.domain.export import Leavers, TripWire
from shared.domain.run import Run
from shared.pipeline import places
from shared.pipeline.row_log import RowLog, row_log_name
from shared.pipeline.steps.finish import FinishTask, finish
from tests.unit.plant import Plant, people


def retry_set(plant: Plant, run_id: str, tmp_path) -> list[str] | None:
    path = tmp_path / "retry.parquet"
    if not plant.state.download(places.retry_set(run_id, "vip"), path):
        return None
    return [email for (email,) in duckdb.execute(f"select email from '{path}' order by email").fetchall()]


def log_rows(plant: Plant, setting: RowLog) -> None:
    plant.context = replace(plant.context, limits=replace(plant.context.limits, row_log=setting))


def logged(plant: Plant, run: Run, segment: str = "vip") -> list[dict]:
    name = row_log_name(run, segment)
    return (
        [orjson.loads(line) for line in plant.logs.read(name).splitlines()] if plant.logs.names(name) else []
    )


def retry(plant: Plant, run_id: str) -> str:
    """Order a run of those whom another one did not send."""
    plant.clock.advance(60)
    again = plant.order()
    plant.stores.runs.change(again, lambda present: present.model_copy(update={"retries": run_id}))
    return again


def test_whoever_was_refused_or_not_reached_is_kept_to_be_tried_again(tmp_path):
    plant = Plant()
    plant.arrive("vip", *people(12), "nobody")
    plant.destination.refused["p1@example.com"] = "not_accepted"
    plant.destination.faults["push"] = [None, None, Refused("It said no.")]
    failed = plant.order()
    sent = plant.run_to_end(failed).counts.sent
    kept = retry_set(plant, failed, tmp_path)
    assert "p1@example.com" in kept
    assert len(kept) == 12 - sent
    assert set(kept) == set(people(12)) - plant.members("vip")


def test_a_run_that_sent_everybody_leaves_nobody_to_be_tried_again(tmp_path):
    plant = Plant()
    plant.arrive("vip", *people(4), "nobody")
    run_id = plant.order()
    plant.run_to_end(run_id)
    assert retry_set(plant, run_id, tmp_path) is None


def test_a_run_over_the_limit_leaves_nobody_to_be_tried_again(tmp_path):
    plant = Plant(max_profiles=3)
    plant.arrive("vip", *people(4))
    run_id = plant.order()
    plant.run_to_end(run_id)
    assert retry_set(plant, run_id, tmp_path) is None


def test_a_retry_sends_those_people_as_they_are_today_and_nobody_else(tmp_path):
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))
    plant.arrive("vip", *people(4), "nobody")
    plant.run_to_end(plant.order())
    plant.arrive("vip", *people(6), names="y")
    plant.destination.refused |= {"p4@example.com": "not_accepted", "p5@example.com": "not_accepted"}
    first = plant.order()
    plant.run_to_end(first)
    plant.destination.refused.pop("p4@example.com")
    plant.arrive("vip", *people(4, start=4), "new@example.com", "nobody", names="z")
    again = retry(plant, first)
    finished = plant.run_to_end(again)
    assert (finished.counts.profiles, finished.counts.sent, finished.rejected) == (2, 1, {"not_accepted": 1})
    assert plant.members("vip") == set(people(5))
    assert '"FirstName":"z"' in plant.destination.contacts["p4@example.com"]
    assert '"FirstName":"y"' in plant.destination.contacts["p0@example.com"]
    assert plant.run_of(again).warnings == ()
    assert retry_set(plant, again, tmp_path) == ["p5@example.com"]


def test_a_retry_after_an_edit_of_the_mapping_leaves_the_others_as_they_were():
    plant = Plant()
    plant.arrive("vip", *people(4))
    plant.destination.refused["p3@example.com"] = "not_accepted"
    first = plant.order()
    plant.run_to_end(first)
    plant.destination.refused.clear()
    plant.edit(fields=())
    assert plant.run_to_end(retry(plant, first)).counts.sent == 1
    assert plant.run_to_end(plant.order()).counts.to_send == 0


def test_the_row_log_tells_of_everybody_without_an_address():
    plant = Plant()
    plant.edit(leavers=Leavers.REMOVE, trip_wire=TripWire(max_removals_share=None))
    log_rows(plant, RowLog.ALL)
    plant.arrive("vip", "gone@example.com", "stuck@example.com")
    plant.run_to_end(plant.order())
    plant.destination.refused |= {"p1@example.com": "not_accepted", "stuck@example.com": "x"}
    plant.arrive("vip", *people(2), "nobody", "P0@example.com")
    run_id = plant.order()
    plant.run_to_end(run_id)
    run = plant.run_of(run_id)
    notes = logged(plant, run)
    assert {
        (each["outcome"], each["reason"], each["line"], each["email_sha256"], each["contact_id"])
        for each in notes
    } == {
        ("sent", None, 2, email_hash("p0@example.com"), "person-p0@example.com"),
        ("refused", "not_accepted", 3, email_hash("p1@example.com"), None),
        ("rejected", "email_no_at_sign", 4, None, None),
        ("rejected", "duplicate_email", 5, email_hash("p0@example.com"), None),
        ("removed", None, None, email_hash("gone@example.com"), "person-gone@example.com"),
        ("not_removed", "not_removed", None, email_hash("stuck@example.com"), None),
    }
    assert len(notes) == 6
    assert {(each["run_id"], each["export_id"], each["segment"]) for each in notes} == {
        (run_id, "export-1", "vip")
    }
    assert {each["file"] for each in notes} == {"vip/a.csv", None}
    assert row_log_name(run, "vip") == f"rows/2026/03/01/{run_id}/vip.jsonl"
    # What the destination calls a contact may be anything; the fake one's names hold the address.
    assert all("@" not in str(value) for each in notes for key, value in each.items() if key != "contact_id")


@pytest.mark.parametrize(
    ("setting", "outcomes"), [(RowLog.OFF, set()), (RowLog.REJECTS, {"refused", "rejected"})]
)
def test_the_row_log_says_no_more_than_it_shall(setting, outcomes):
    plant = Plant()
    log_rows(plant, setting)
    plant.arrive("vip", *people(3), "nobody")
    plant.destination.refused["p1@example.com"] = "not_accepted"
    run_id = plant.order()
    plant.run_to_end(run_id)
    assert {each["outcome"] for each in logged(plant, plant.run_of(run_id))} == outcomes


def test_the_row_log_has_a_part_in_the_limit_of_rejects_and_the_run_says_so():
    plant = Plant()
    limits = replace(plant.context.limits, row_log=RowLog.REJECTS, max_listed_bytes=2_000)
    plant.context = replace(plant.context, limits=limits)
    plant.arrive("vip", *people(30), *["nobody"] * 40)
    plant.destination.refused |= dict.fromkeys(people(30)[5:], "not_accepted")
    run_id = plant.order()
    plant.run_to_end(run_id)
    run, rejects = plant.run_of(run_id), plant.state.read(places.rejects(run_id)).splitlines()[1:]
    assert run.rejected == {"email_no_at_sign": 40, "not_accepted": 25}
    outcomes = Counter(each["outcome"] for each in logged(plant, run))
    assert len(rejects) == outcomes.total()
    assert 0 < outcomes["rejected"] < 40
    assert 0 < outcomes["refused"] < 25
    assert run.warnings == tuple(
        f"Only the first {outcomes[each]} rejects of the segment 'vip' are listed; all are counted."
        for each in ("rejected", "refused")
    )


def test_nothing_to_tell_leaves_no_row_log():
    plant = Plant()
    log_rows(plant, RowLog.REJECTS)
    plant.arrive("vip", *people(3))
    plant.run_to_end(plant.order())
    assert plant.logs.names("rows/") == []


def test_a_row_log_that_cannot_be_written_stops_nothing(caplog):
    class SilentBlobs:
        def write(self, name, data):
            raise StorageUnavailable("Storage is away.")

    plant = Plant()
    log_rows(plant, RowLog.ALL)
    plant.context = replace(plant.context, logs=SilentBlobs())
    plant.arrive("vip", *people(3))
    assert plant.run_to_end(plant.order()).counts.sent == 3
    assert "Storage is away." in caplog.text


def test_a_run_that_never_read_its_segment_can_be_settled():
    plant = Plant()
    log_rows(plant, RowLog.ALL)
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    plant.cancel(run_id)
    finish(plant.context, FinishTask(run_id=run_id))
    assert plant.state.names(f"runs/{run_id}/retry") == plant.logs.names("rows/") == []
