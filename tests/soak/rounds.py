"""A round: several runs at the same time on one stack, everything breaking, and then the truth about each."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from azure.core.exceptions import AzureError

from shared.adapters.tables import TableStores
from shared.domain.errors import SegpilotError
from shared.domain.run import Run
from tests.soak import troubles
from tests.soak.people import Population, SegmentFile
from tests.soak.troubles import Round
from tests.system.driver import SUCCESSFUL, Json, Segpilot
from tests.system.invariants import assert_newest_rows, assert_nothing_left, assert_one_story, outcome

RUN_LIMIT_S = 240.0
_REPAIR_LIMIT_S = 120.0
_SUPPRESSED = 20


@dataclass
class Report:
    """One run, for the summary. ``simulator_calls``, their ``outcomes`` and ``log`` are those of its round."""

    run_id: str
    kind: str
    kills: int
    faults: list[str]
    seconds: float
    calls: int
    round_calls: int
    simulator_calls: int
    outcomes: dict[str, int]
    state: str
    repaired: bool
    log: list[str]

    def as_dict(self) -> Json:
        return asdict(self)


class Story:
    """One export with a connection, a segment and a list of its own: its first file, and the next one."""

    def __init__(self, app: Segpilot, tag: str, profiles: int, chance: Random) -> None:
        self.app, self.tag = app, tag
        self.population = Population(tag, profiles, chance)
        self.connection = app.add_connection()
        app.post(f"connections/{self.connection}/connect")  # a key that has worked is waited for
        self._suppress()
        leavers = {"leavers": "remove", "trip_wire": {"max_removals_share": None}}
        self.export = app.add_export(tag, connection=self.connection, **leavers)
        self._stores = TableStores(app.tables)
        self._known: set[str] = set()

    def go_on(self) -> None:
        """Let time pass: people leave, join, change, and some more are suppressed."""
        self.population.move_on()
        self._suppress()

    def upload(self) -> SegmentFile:
        file = self.population.write()
        self.app.upload(f"{self.tag}/people.csv", file.data)
        return file

    def new_run(self) -> Run | None:
        """Return the run that was not there before, by its record in storage; None while there is none to be seen."""
        try:
            runs, _ = self._stores.runs.page_of(self.export, 20)
        except (AzureError, SegpilotError):
            return None
        fresh = [run for run in runs if run.id not in self._known]
        assert len(fresh) <= 1, f"{len(fresh)} runs of one file: {[run.id for run in fresh]}"
        return fresh[0] if fresh else None

    def close(self, run_id: str) -> None:
        self._known.add(run_id)

    def check(self, run: Json, file: SegmentFile) -> None:
        """File, rejects, ledger, Autopilot and the run's record tell one story."""
        succeeded = run["status"] in SUCCESSFUL
        assert_one_story(self.app, run, file.newest, rows=file.rows if succeeded else None)
        assert_nothing_left(self.app, run)
        if succeeded:
            assert run["rejected"] == file.rejected
            assert_newest_rows(self.app, self.tag, file.newest)
        else:
            assert outcome(run)[0] in ("Failed", "Canceled"), outcome(run)
            assert set(self.app.simulator.members(self.tag)) <= self.population.ever

    def repair(self, file: SegmentFile) -> Json:
        """Run again in peace: then everything is as it should be."""
        run = self.app.wait_for(self.app.run_now(self.export)["id"], timeout_s=_REPAIR_LIMIT_S)
        self.close(run["id"])
        assert run["status"] in SUCCESSFUL, outcome(run)
        self.check(run, file)
        return run

    def _suppress(self) -> None:
        chosen = self.population.choose_to_suppress(_SUPPRESSED)
        self.app.post(f"connections/{self.connection}/suppression", {"add": list(chosen)})


def play(
    app: Segpilot, stories: list[Story], kind: str, clock_file: Path, seed: str, stop: threading.Event
) -> list[Report]:
    """Upload a file for each story, break what can be broken until all runs have ended, and check them.

    Raises AssertionError when something is not true.
    """
    chance = Random(seed)
    app.simulator.order("faults", {"clear": True, "seed": seed, "faults": list(troubles.AUTOPILOT_FAULTS)})
    app.simulator.order("switches", {"latency_ms": 30, "latency_jitter_ms": 20})
    before = _count_outcomes(app)
    files = {story: story.upload() for story in stories}
    round_ = Round(app, clock_file, [story.connection for story in stories])
    chosen = chance.sample(sorted(troubles.TROUBLES), chance.randint(1, 3))
    breaking = [
        _start(round_, troubles.kill_host, Random(f"{seed} kills")),
        _start(round_, troubles.throttle, Random(f"{seed} throttle")),
    ]
    # Two that touch storage at once would be in each other's way.
    if {"storage frozen", "storage restarted"} <= set(chosen):
        chosen.remove("storage frozen")
    breaking += [_start(round_, troubles.TROUBLES[name], Random(f"{seed} {name}")) for name in chosen]
    victim = chance.choice(stories) if chance.random() < 0.25 else None
    try:
        ended_at = _wait_for_all(round_, stories, victim, Random(f"{seed} cancel"), breaking, stop)
    finally:
        round_.over.set()
        for thread in breaking:
            thread.join()
        for problem in round_.problems:
            raise problem
    app.simulator.order("faults", {"clear": True})
    app.simulator.order("switches", {"rate": None})
    app.trouble_vault(unavailable_s=0)
    runs = {story: app.get(f"runs/{story.new_run().id}") for story in stories}
    outcomes = _count_outcomes(app) - before
    round_calls = sum(run["counts"]["calls"] for run in runs.values())
    reports = []
    for story, run in runs.items():
        story.close(run["id"])
        story.check(run, files[story])
        if unsuccessful := run["status"] not in SUCCESSFUL:
            story.repair(files[story])
        reports.append(
            Report(
                run_id=run["id"],
                kind=kind,
                kills=sum(at < ended_at[story] for at in round_.kills),
                faults=[*chosen, *(["cancelled"] if story is victim else [])],
                seconds=round(ended_at[story], 1),
                calls=run["counts"]["calls"],
                round_calls=round_calls,
                simulator_calls=outcomes.total(),
                outcomes=dict(outcomes),
                state=" ".join(filter(None, outcome(run))),
                repaired=unsuccessful,
                log=round_.log,
            )
        )
    return reports


def _wait_for_all(
    round_: Round,
    stories: list[Story],
    victim: Story | None,
    chance: Random,
    breaking: list[threading.Thread],
    stop: threading.Event,
) -> dict[Story, float]:
    """Return for each story, after how many seconds its run had ended."""
    ended_at: dict[Story, float] = {}
    cancelled = False
    while len(ended_at) < len(stories):
        for story in stories:
            run = story.new_run()
            if run is None:
                continue
            if story is victim and not cancelled:
                cancelled = True
                breaking.append(_start(round_, lambda r, c, i=run.id: troubles.cancel(r, c, i), chance))
            if run.status.ended and story not in ended_at:
                ended_at[story] = round_.elapsed_s()
        late = [story.tag for story in stories if story not in ended_at]
        assert round_.elapsed_s() < RUN_LIMIT_S, f"Not ended within {RUN_LIMIT_S:g} s: {late}; {round_.log}"
        assert not round_.problems, round_.problems
        assert not stop.is_set(), "The soak was ended early."
        time.sleep(0.1)
    return ended_at


def _start(round_: Round, trouble: Callable[[Round, Random], None], chance: Random) -> threading.Thread:
    def run() -> None:
        try:
            trouble(round_, chance)
        except BaseException as problem:
            round_.problems.append(problem)
            raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _count_outcomes(app: Segpilot) -> Counter[str]:
    """Count the calls at the simulator by status, or by the fault that left them without an answer."""
    return sum((Counter(each) for each in app.simulator.ask("state")["calls"].values()), Counter())
