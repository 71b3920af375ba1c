"""Runs every benchmark and writes bench/results.md: python -m bench"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

IN_FLIGHT = 32  # PUSH_LANES x PUSH_THREADS
RESULTS = Path(__file__).parent / "results.md"
STAGE = ["bench.stage"]
WHOLE = (
    ("no limit, 50 ms", ["bench.whole", "--latency-ms", "50"]),
    ("no limit, 0 ms", ["bench.whole", "--latency-ms", "0"]),
    ("simulator at 20 calls/s, 50 ms", ["bench.whole", "--latency-ms", "50", "--rate", "20"]),
    (
        "20 calls/s, limit unknown, no ceiling, 20,000 rows",
        ["bench.whole", "--latency-ms", "50", "--rate", "20", "--rows", "20000", "--max-calls-per-s", "0"],
    ),
    (
        "bulk call ignores lists, 2,000 rows",
        ["bench.whole", "--latency-ms", "50", "--rows", "2000", "--bulk-list", "ignored"],
    ),
)


def run(command: list[str]) -> list[str]:
    """Run a benchmark module and return the lines it prints."""
    print(">", " ".join(command), flush=True)
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    sys.stderr.write(done.stderr)
    return done.stdout.strip().splitlines()


def describe_machine() -> str:
    """Name the machine and the versions that matter."""
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    model = models[0].partition(":")[2].strip() if models else platform.processor()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory_gib:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def find_floor_s(row: dict[str, float]) -> float:
    """Return the seconds that the calls of a run take at least."""
    if row["rate"]:
        return row["calls"] / row["rate"]
    return row["calls"] * row["latency_ms"] / 1_000 / IN_FLIGHT


def main() -> None:
    lines = [
        "# Figures",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}. Machine: {describe_machine()}. One run each; "
        "other work on the machine makes them slower.",
        "",
        "## Staging alone",
        "",
        "File to chunks of ready-made batches: 13 columns, 5 fields besides the e-mail, two of them cast. DuckDB may use "
        "256 MB; the peak is the whole process. Everybody is known but in the first run; then 1 % have changed, 1 % have "
        "left and are taken off, and another mapping says something new of 1 %.",
        "",
        "| rows | case | seconds | CPU s | peak MB | to send | leavers |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for line in run(STAGE):
        row = json.loads(line)
        lines.append(
            f"| {row['rows']:,} | {row['case']} | {row['seconds']} | {row['cpu_s']} | {row['peak_mb']} |"
            f" {row['to_send']:,} | {row['leavers']:,} |"
        )
    lines += [
        "",
        "## The whole local system",
        "",
        "From the upload of a CSV file to *Successful*: Azurite, vault, simulator and host in processes of their own. The "
        "stages are the seconds after the upload at which each was first seen. *Floor* is what the calls alone take: their "
        "latency with 32 in flight, or the limit of calls per second. What sending takes beyond it is the processor time of "
        "the one Python process that makes the calls, beside the simulator and the storage emulator on the same cores.",
        "",
        "| what | people | calls | seconds | status | reading | sending | finishing | floor |",
        "|---|--:|--:|--:|---|--:|--:|--:|--:|",
    ]
    for name, command in WHOLE:
        row = json.loads(run(command)[-1])
        seen = row["stages_seen_at_s"]
        stages = " | ".join(str(seen.get(stage, "")) for stage in ("reading", "sending", "finishing"))
        lines.append(
            f"| {name} | {row['on_list']:,} | {row['calls']:,} | {row['seconds']} | {row['status']} | {stages} |"
            f" {find_floor_s(row):.1f} |"
        )
    lines += [
        "",
        "## Lists and the overview",
        "",
        "The use cases alone in one process on the storage emulator, with the same crowd: milliseconds of the first call and "
        "of 50 more.",
        "",
        "| what | first ms | median ms | 95 % ms |",
        "|---|--:|--:|--:|",
    ]
    for line in run(["bench.lists"]):
        row = json.loads(line)
        lines.append(f"| {' | '.join(str(value) for value in row.values())} |")
    lines += [
        "",
        "## The portal",
        "",
        "The local system with 1,000 exports, 300 segments and 10,000 runs stored (`bench/crowd.py`), asked by one browser: "
        "milliseconds of the first answer and of 30 more, and what goes over the wire for the page alone and with the styles "
        "and scripts that it loads when nothing is kept from before.",
        "",
        "| page | first ms | median ms | 95 % ms | page kB | whole kB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for line in run(["bench.portal"]):
        row = json.loads(line)
        lines.append(f"| {' | '.join(str(value) for value in row.values())} |")
    lines += ["", "## The simulator and the durable engine of the dev kit", "", "```"]
    lines += run(["bench.simulator_throughput"]) + run(["bench.durable_engine"]) + ["```", ""]
    RESULTS.write_text("\n".join(lines), encoding="utf-8")
    print(f"Wrote {RESULTS}")


if __name__ == "__main__":
    main()
