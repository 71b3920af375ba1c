"""How long the whole local system takes in several situations: python -m bench.local_system"""

import json
import subprocess
import sys
from typing import Any

from bench.markdown import table

IN_FLIGHT = 64  # PUSH_LANES x PUSH_THREADS
STAGES = ("reading", "sending", "finishing")
CASES = {
    "no limit, 50 ms": ["--latency-ms", "50"],
    "no limit, 0 ms": ["--latency-ms", "0"],
    "simulator at 20 calls/s, 50 ms": ["--latency-ms", "50", "--rate", "20"],
    "bulk call ignores lists, 2,000 rows": [
        *("--latency-ms", "50"),
        *("--rows", "2000"),
        *("--bulk-list", "ignored"),
    ],
}


def measure(options: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.whole", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def find_floor_s(figures: dict[str, Any]) -> float:
    """Return the seconds that the calls of a run take at least."""
    if figures["rate"]:
        return round(figures["calls"] / figures["rate"], 1)
    return round(figures["calls"] * figures["latency_ms"] / 1_000 / IN_FLIGHT, 1)


def main() -> None:
    rows = []
    for case, options in CASES.items():
        print(case, file=sys.stderr, flush=True)
        figures = measure(options)
        stages = [figures["stages_seen_at_s"].get(stage) for stage in STAGES]
        ended = [figures[name] for name in ("on_list", "calls", "seconds", "status")]
        rows.append([case, *ended, *stages, find_floor_s(figures)])
    print("## The whole local system\n")
    print(
        "From the upload of a CSV file to *Successful*: Azurite, vault, simulator and host in processes of their own. The "
        "stages are the seconds after the upload at which each was first seen. *Floor* is what the calls alone take: their "
        f"latency with {IN_FLIGHT} in flight, or the limit of calls per second.\n"
    )
    print(table(["what", "people", "calls", "seconds", "status", *STAGES, "floor"], rows))


if __name__ == "__main__":
    main()
