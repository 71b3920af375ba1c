"""How long the portal's lists take with many exports and runs: python -m bench.lists

Fills an Azurite with bench.crowd, then calls the use cases in one process, as the portal does.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from bench.crowd import fill
from bench.markdown import table
from devkit.azurite import AzuriteServer
from shared.bootstrap import App
from shared.domain.access import Principal, Role
from shared.domain.run import RunStatus
from shared.settings import Settings
from shared.usecases.exports.search import ExportQuery
from shared.usecases.runs.runs import RunFilter
from shared.usecases.segments.segments import SegmentQuery

ADA = Principal("Ada", Role.ADMINISTRATOR)


def make_cases(app: App, busiest: str) -> dict[str, Callable[[], object]]:
    """Return what is measured; ``busiest`` is the export with the most runs."""
    exports, segments, runs = app.export_list, app.segments, app.runs
    one, failed = RunFilter(export_id=busiest), RunFilter(status=RunStatus.FAILED)
    waiting = RunFilter(status=RunStatus.WAITING_FOR_APPROVAL)
    return {
        "exports, first page": lambda: exports.page(ExportQuery(), ADA),
        "exports, search": lambda: exports.page(ExportQuery(search="loyal 7"), ADA),
        "exports by next run": lambda: exports.page(ExportQuery(sort="next_run"), ADA),
        "exports with a segment": lambda: exports.with_segment("Segment 007", ADA),
        "segments": lambda: segments.page(SegmentQuery(), ADA),
        "connections": lambda: app.connections.list(ADA),
        "runs": lambda: runs.list(ADA),
        "runs of one export": lambda: runs.list(ADA, wanted=one),
        "runs that failed": lambda: runs.list(ADA, wanted=failed),
        "overview": lambda: app.overview.show(ADA),
        "runs that wait": lambda: runs.list(ADA, wanted=waiting),
    }


def measure(call: Callable[[], object], times: int) -> dict[str, float]:
    """Return the first time in ms, and median and 95th percentile of the others."""
    taken_ms = []
    for _ in range(times + 1):
        started = time.perf_counter()
        call()
        taken_ms.append((time.perf_counter() - started) * 1_000)
    first, others = taken_ms[0], taken_ms[1:]
    figures = {"first": first, "median": median(others), "p95": quantiles(others, n=20)[-1]}
    return {name: round(value, 1) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="keep the storage here, and use what is there")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        filled = folder.exists() and any(folder.glob("*.json"))
        with AzuriteServer(folder) as azurite:
            if not filled:
                fill(azurite.connection_string)
            storage = dict.fromkeys(("STATE_STORAGE", "SEGMENT_STORAGE"), azurite.connection_string)
            app = App(Settings.read({**storage, "KEY_VAULT_URL": "https://vault.invalid"}))
            cases = make_cases(app, "export-000000")
            rows = [[case, *measure(call, arguments.times).values()] for case, call in cases.items()]
    print("## Lists and the overview\n")
    print(
        "The use cases alone in one process on the storage emulator, with the same crowd as the portal: milliseconds of "
        f"the first call and of {arguments.times} more.\n"
    )
    print(table(["what", "first ms", "median ms", "95 % ms"], rows))


if __name__ == "__main__":
    main()
