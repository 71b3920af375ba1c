"""Many runs at once: one connection takes them one after the other, many connections side by side."""

from datetime import datetime
from itertools import pairwise

from tests.system.driver import Json, Segpilot, make_people
from tests.system.invariants import assert_nothing_left, assert_one_story, outcome

MANY, IN_TURN = 10, 10
PEOPLE = 250


def stretch(run: Json) -> tuple[datetime, datetime]:
    """Return when a run got its connection and when it ended."""
    return datetime.fromisoformat(run["started_at"]), datetime.fromisoformat(run["ended_at"])


def run_all(app: Segpilot, tag: str, connections: list[str]) -> list[Json]:
    """Export a segment of its own over each connection, all at once; return the runs as they ended."""
    exports = [
        app.add_export(f"{tag}-{number}", connection=connection)
        for number, connection in enumerate(connections)
    ]
    for number in range(len(exports)):
        app.upload(f"{tag}-{number}/people.csv", make_people(range(PEOPLE), f"{tag}-{number}").data)
    return [app.wait_for_run(export, timeout_s=120) for export in exports]


def assert_all_told(app: Segpilot, tag: str, runs: list[Json]) -> None:
    for number, run in enumerate(runs):
        assert outcome(run) == ("Successful", None)
        assert_one_story(app, run, make_people(range(PEOPLE), f"{tag}-{number}").emails, rows=PEOPLE)
        assert_nothing_left(app, run)


def test_runs_on_one_connection_go_one_after_the_other(app: Segpilot, tag: str) -> None:
    runs = run_all(app, tag, [app.add_connection()] * IN_TURN)

    assert_all_told(app, tag, runs)
    for (_, ended), (started, _) in pairwise(sorted(map(stretch, runs))):
        assert ended <= started


def test_ten_connections_go_side_by_side_and_each_keeps_its_rate(app: Segpilot, tag: str) -> None:
    runs = run_all(app, tag, [app.add_connection(max_calls_per_s=2) for _ in range(MANY)])

    assert_all_told(app, tag, runs)
    stretches = [stretch(run) for run in runs]
    assert max(started for started, _ in stretches) < min(ended for _, ended in stretches)
    for run, (started, ended) in zip(runs, stretches, strict=True):
        assert run["counts"]["calls"] <= 2 * (ended - started).total_seconds() + 2
