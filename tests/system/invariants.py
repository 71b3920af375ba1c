"""What must be true after every run: file, rejects, ledger, Autopilot and the run record tell one story."""

from collections import Counter
from collections.abc import Iterable

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
