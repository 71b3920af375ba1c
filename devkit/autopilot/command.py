"""The command line: ``python -m devkit autopilot --port 0 --rate 5 --state autopilot.sqlite``."""

import argparse
import asyncio
import gc
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from devkit.autopilot.simulator import DEFAULT_KEY, AutopilotSimulator
from devkit.autopilot.switches import PROMISES, Switches, parse_switch


def main(argv: Sequence[str]) -> int:
    """Serve in the foreground until SIGTERM or SIGINT; return the exit code.

    Prints ``autopilot listening on http://127.0.0.1:PORT`` when it is ready.
    """
    options = vars(_build_parser().parse_args(argv))
    # Contacts are plain data without cycles, so that frequent collections of a million of them are wasted work.
    gc.set_threshold(200_000, 20, 100)
    try:
        asyncio.run(_serve(AutopilotSimulator(**options)))
    except (OSError, sqlite3.DatabaseError) as error:
        print(f"autopilot cannot start: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(simulator: AutopilotSimulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await simulator.start()
    print(f"autopilot listening on {simulator.url}", flush=True)
    await stop.wait()
    await simulator.stop()


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autopilot", description="Serve a simulated Autopilot account on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--key", default=DEFAULT_KEY, help="the API key it accepts (%(default)s)")
    parser.add_argument("--state", dest="state_file", type=Path, help="SQLite file that keeps the state")
    parser.add_argument("--seed", type=int, default=0, help="seed of faults and jitter (%(default)s)")
    switches = parser.add_argument_group("switches")
    for name, default in Switches().as_dict().items():
        switches.add_argument(
            f"--{name.replace('_', '-')}",
            type=_switch_type(name),
            default=default,
            metavar="VALUE",
            help=f"{PROMISES[name]} ({_as_text(default)})",
        )
    return parser


def _switch_type(name: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return parse_switch(name, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _as_text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
