"""What must be true after every run: file, rejects, ledger, Autopilot and the run record tell one story."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from shared.adapters.tables import TableStores
from shared.domain.run import Counts
from shared.pipeline import places
from tests.system.driver import SUCCESSFUL, Json, Segpilot


def outcome(run: Json) -> tuple[str, str | None]:
    """Return how a run ended, and the code of its failure."""
    return run["status"], run["failure"] and run["failure"]["code"]


def left(run: Json) -> int:
    """Return how many people a run did not reach."""
    counts = run["counts"]
    return int(counts["profiles"] - counts["unchanged"] - counts["sent"] - counts["refused"])


def assert_one_story(
    app: Segpilot, run: Json, people: Iterable[str] | None = None, *, rows: int | None = None
) -> None:
    """Compare all that is known about a run that has ended and had its lists to itself.

    `people` are the distinct valid addresses of the run's only segment, `rows` how many rows its files have.
    """
    counts = run["counts"]
    assert counts["new"] + counts["changed"] + counts["unchanged"] == counts["profiles"], counts
    assert left(run) >= 0, counts
    if run["status"] in SUCCESSFUL:
        assert left(run) == 0, counts
        assert run["failure"] is None
        faulty = set(run["rejected"]) - {"suppressed", "no_consent"}
        assert (run["status"] == "Successful with rejects") == bool(faulty)
    assert run["ended_at"] is not None
    assert run["stage"] == "done"
    if rows is not None:
        assert counts["rows"] == rows

    rejects = app.rejects(run["id"])
    assert Counter(row["reason"] for row in rejects) == Counter(run["rejected"])
    assert counts["rows"] + counts["refused"] == counts["profiles"] + len(rejects), (counts, run["rejected"])

    for segment in run["segments"]:
        members = app.simulator.members(segment["list_title"])
        ledger = app.ledger(run["export_id"], segment["name"], segment["list_id"] or "-")
        assert len(members) == len(set(members))
        if run["status"] in SUCCESSFUL:
            assert set(ledger) == set(members)
        else:
            assert set(ledger) <= set(members)
        if people is not None and run["status"] in SUCCESSFUL and not counts["refused"]:
            assert set(people) == set(members)
            assert len(set(people)) == counts["profiles"]


def assert_newest_rows(app: Segpilot, title: str, newest: Mapping[str, Sequence[object]]) -> None:
    """The one list of this title holds exactly these people, with what the newest file says of them.

    ``newest`` maps e-mail to the values of FIELDS.
    """
    [list_id] = app.simulator.list_ids(title)
    shown = {contact["Email"]: contact for contact in app.simulator.ask(f"lists/{list_id}/contacts")}
    assert shown.keys() == newest.keys()
    wrong = [email for email, row in newest.items() if _values(shown[email]) != tuple(row)]
    assert not wrong, f"{len(wrong)} people have old values, {wrong[0]} has {_values(shown[wrong[0]])}"


def _values(contact: Json) -> tuple[object, ...]:
    custom = {each["kind"]: each["value"] for each in contact.get("custom_fields", ())}
    return contact.get("FirstName"), contact.get("MailingCity"), custom.get("Income")


def assert_nothing_left(app: Segpilot, run: Json, *, timeout_s: float = 20) -> None:
    """A run that has ended holds no lane and goes on nowhere, and of its files only those stay that are to be kept.

    They go after the run has ended, so that there is a little time for it.
    """
    stores = TableStores(app.tables)
    coordination = app.tables.get_table_client("SegpilotCoordination")
    folder, is_done = places.run_folder(run["id"]), left(run) == run["counts"]["refused"] == 0
    kept = {places.plan(run["id"]), places.rejects(run["id"]), places.samples(run["id"])}

    def find_leftovers() -> list[str]:
        held = coordination.query_entities(
            "PartitionKey eq 'lane' and Run eq @run", parameters={"run": run["id"]}
        )
        names = {blob.name for blob in app.blobs.get_container_client("segpilot").list_blobs(folder)}
        files = (name for name in names - kept if is_done or not name.startswith(f"{folder}retry/"))
        unfinished = [each for each in stores.runs.unfinished() if each == run["id"]]
        progress = [] if stores.runs.progress(run["id"]) == Counts() else ["progress"]
        return [*(f"the lane {row['RowKey']}" for row in held), *files, *unfinished, *progress]

    deadline = time.monotonic() + timeout_s
    while found := find_leftovers():
        assert time.monotonic() < deadline, f"{run['id']} has left behind: {found[:5]}"
        time.sleep(0.2)
