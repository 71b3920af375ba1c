"""Runs the benchmarks and writes bench/results.md: python -m bench [SECTION …]

Every section is a module that prints Markdown, beginning with its heading. Named ones are renewed, the others stay.
"""

import argparse
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.markdown import describe_machine

RESULTS = Path(__file__).parent / "results.md"
SECTIONS = (
    "speed",
    "growth",
    "fan_out",
    "rates",
    "local_system",
    "lists",
    "portal",
    "capacity",
    "dev_kit",
    "cold_start",
)


def run(section: str) -> str:
    """Return what a section prints, with the day on which it was measured."""
    print(f"> python -m bench.{section}", file=sys.stderr, flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", f"bench.{section}"]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    about = f"`python -m bench.{section}`, {datetime.now(UTC):%Y-%m-%d}, {time.monotonic() - started:.0f} s"
    return f"{text}\n\n<sub>{about}</sub>\n"


def read_sections(text: str) -> dict[str, str]:
    """Return the sections of the results, by module."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    found = ((re.search(r"<sub>`python -m bench\.(\w+)`", part), part) for part in parts)
    return {match[1]: part.strip() + "\n" for match, part in found if match}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    chosen = parser.parse_args().sections or SECTIONS
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"There is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}.")
    sections = read_sections(RESULTS.read_text(encoding="utf-8"))
    head = (
        "# Figures\n\n"
        f"Written by `make bench`. Machine: {describe_machine()}. Other work on the machine makes them slower. "
        "What they mean: [docs/performance.md](../docs/performance.md).\n\n"
    )
    for section in chosen:
        sections[section] = run(section)
        body = "\n".join(sections[each] for each in SECTIONS if each in sections)
        RESULTS.write_text(head + body, encoding="utf-8")
    print(f"Wrote {RESULTS}")


if __name__ == "__main__":
    main()
