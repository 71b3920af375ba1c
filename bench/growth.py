"""How staging grows with a segment, in time and in memory: python -m bench.growth [ROWS …]

Each run is a process of its own with the settings of production, and its peak of resident memory is compared with
512 MB. First nobody is known; then all are, and 1 % have changed, 1 % are new and 1 % have left.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.curves import draw
from bench.folder_blobs import FolderState
from bench.markdown import table
from bench.stage import FIELDS, make_ledger, measure, write_segment
from shared.settings import Settings

SIZES = (100_000, 1_000_000, 5_000_000, 10_000_000)
LIMIT_MB = 512
IMAGES = Path(__file__).parent.parent / "docs" / "images"
CASES = ("first run", "second run")
_REPEATED_UP_TO_ROWS = 1_000_000
_LOOKS_EVERY_S = 0.2


def write_next(first: Path, after: Path) -> None:
    """Write the segment as it is later: of 100 people, one has moved house, and one is somebody else."""
    with first.open(encoding="utf-8") as old, after.open("w", encoding="utf-8") as new:
        new.write(next(old))
        for n, line in enumerate(old):
            if n % 100 == 0:
                line = line.replace(",Oradea,", ",Cluj-Napoca,")
            elif n % 100 == 1:
                line = line.replace(",person", ",fresh")
            new.write(line)


def stage_in_child(csv: Path, folder: Path, ledger: str) -> dict[str, float]:
    """Return what ``measure`` does, with the most that was on scratch disk in MB: ``scratch_mb``, ``spill_mb`` of it."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "bench.growth", "--child", str(csv), str(folder / "state"), ledger]
    most = {"scratch_mb": 0, "spill_mb": 0}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(scratch)}
    ) as child:
        while child.poll() is None:
            time.sleep(_LOOKS_EVERY_S)
            most["scratch_mb"] = max(most["scratch_mb"], _size_mb(scratch))
            most["spill_mb"] = max(most["spill_mb"], sum(map(_size_mb, scratch.glob("*/spill"))))
        answer = child.stdout.read() if child.stdout else ""
    if child.returncode:
        raise SystemExit(f"Staging {csv.name} ended with {child.returncode}.")
    return {**json.loads(answer), **most}


def _size_mb(folder: Path) -> int:
    size = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                size += Path(at, name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return size >> 20


def stage_here(csv: str, state: str, ledger: str) -> None:
    """Stage in this process, and print the figures."""
    memory_mb = Settings.model_fields["stage_memory_mb"].default
    print(json.dumps(measure(Path(csv), FolderState(Path(state)), ledger or None, memory_mb, FIELDS)))


def measure_size(rows: int) -> dict[str, dict[str, float]]:
    """Return the figures of both cases, medians where a run is short."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        first, after = folder / "first.csv", folder / "next.csv"
        repetitions = 3 if rows <= _REPEATED_UP_TO_ROWS else 1
        write_segment(first, rows)
        found = {CASES[0]: _middle([stage_in_child(first, folder, "") for _ in range(repetitions)])}
        make_ledger(folder, FolderState(folder / "state"), int(found[CASES[0]]["chunks"]))
        shutil.rmtree(folder / "state" / "stage")
        (folder / "results.tsv").unlink()
        write_next(first, after)
        first.unlink()
        runs = [stage_in_child(after, folder, "ledger.parquet") for _ in range(repetitions)]
        found[CASES[1]] = _middle(runs)
        expected = rows // 100 * 2, rows // 100
        if (found[CASES[1]]["to_send"], found[CASES[1]]["leavers"]) != expected:
            raise SystemExit(f"{expected} were to be sent and to leave, not {found[CASES[1]]}.")
        return found


def _middle(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=SIZES, help="multiples of 100")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where to draw the curves")
    parser.add_argument("--child", nargs=3, metavar=("CSV", "STATE", "LEDGER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        stage_here(*arguments.child)
        return
    lines, sizes = [], sorted(arguments.rows)
    times: dict[str, list[tuple[float, float]]] = {case: [] for case in CASES}
    peaks: dict[str, list[tuple[float, float]]] = {case: [] for case in CASES}
    for rows in sizes:
        for case, figures in measure_size(rows).items():
            print(rows, case, figures, file=sys.stderr, flush=True)
            times[case].append((rows, figures["cpu_s"]))
            peaks[case].append((rows, figures["peak_mb"]))
            told = [f"{figures[key]:.2f}" for key in ("seconds", "cpu_s")]
            told += [f"{figures['cpu_s'] / rows * 1e6:.1f}"]
            told += [f"{figures[key]:.0f}" for key in ("peak_mb", "scratch_mb", "spill_mb")]
            lines.append((f"{rows:,} rows, {case}", *told))
    draw(arguments.images / "growth-time.svg", "Time to stage a segment", "rows", "s of CPU", times)
    within: dict[str, list[tuple[float, float]]] = {"limit": [(sizes[0], LIMIT_MB), (sizes[-1], LIMIT_MB)]}
    draw(arguments.images / "growth-memory.svg", "Peak memory", "rows", "MB", {**peaks, **within}, log_x=True)
    print("## Growth\n")
    print(
        f"Staging and comparing, each run in a process of its own; its peak is to stay below {LIMIT_MB} MB. In the second "
        "run all people are known, 1 % have changed, 1 % are new and 1 % have left.\n"
    )
    head = ("", "wall s", "CPU s", "µs of CPU per row", "peak MB", "scratch disk MB", "of it spilled MB")
    print(table(head, lines))


if __name__ == "__main__":
    main()
