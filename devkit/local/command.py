"""`python -m devkit up | demo | status | stop`."""

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

from devkit.autopilot.simulator import DEFAULT_KEY
from devkit.child import ChildError
from devkit.local import demo, processes
from devkit.local.record import Part, RecordFile, StackRunsAlreadyError, end_parts
from devkit.local.source import Source, SourceError, find_source, generate_source
from devkit.local.stack import REPOSITORY, LocalStack, forget_state, read_function_key
from devkit.npm import NpmError

STATE = REPOSITORY / ".segpilot"
USUAL_PORT = 7071  # where Core Tools serve, too
NOT_RUNNING = 3  # as `systemctl status` answers
WATCH_INTERVAL_S = 0.5
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str]) -> int:
    """Carry out `argv[0]`; return the exit code."""
    arguments = _build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (NpmError, ChildError, demo.DemoError, SourceError, StackRunsAlreadyError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devkit")
    commands = parser.add_subparsers(required=True)

    up = commands.add_parser("up", help="start everything; Ctrl-C ends it")
    up.set_defaults(run=_up)
    up.add_argument(
        "--without-app",
        action="store_true",
        help="start all but the app, and write local.settings.json for `func start` or a debugger",
    )
    _add_stack_options(up)

    show = commands.add_parser("demo", help="the same from nothing, then export a segment")
    show.set_defaults(run=_demo)
    _add_demo_options(show)
    _add_stack_options(show)

    status = commands.add_parser("status", help="say what runs, and where")
    status.set_defaults(run=_status)
    stop = commands.add_parser("stop", help="end what `up` started elsewhere")
    stop.set_defaults(run=_stop)
    for command, folder in ((up, STATE), (show, STATE / "demo"), (status, STATE), (stop, STATE)):
        command.add_argument("--state", type=Path, default=folder, help="folder of all state (%(default)s)")
    return parser


def _add_demo_options(command: argparse.ArgumentParser) -> None:
    given = os.environ.get
    command.add_argument("--profiles", type=int, default=10_000, help="rows of the sample (%(default)s)")
    command.add_argument(
        "--segment", type=Path, default=given("SEGMENT"), help="export this file or folder instead (SEGMENT)"
    )
    command.add_argument("--email", default=given("EMAIL"), help="its column of the e-mail address (EMAIL)")
    command.add_argument("--first", default=given("FIRST"), help="its column of the first name (FIRST)")
    command.add_argument("--last", default=given("LAST"), help="its column of the last name (LAST)")
    command.add_argument(
        "--report", type=Path, default=given("REPORT"), help="write the result as JSON to this file (REPORT)"
    )
    command.add_argument(
        "--keep", type=Path, default=given("KEEP"),
        help="keep storage, ledger and simulator in this folder: the next demo goes on from there (KEEP)",
    )  # fmt: skip


def _add_stack_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--port", type=int, help=f"port of the app ({USUAL_PORT}, or a free one if that is taken)"
    )
    command.add_argument(
        "--app", type=Path, default=REPOSITORY, help="folder of function_app.py (this repository)"
    )
    command.add_argument("--func", action="store_true", help="run the app by Core Tools' `func start`")
    command.add_argument(
        "--autopilot-url",
        default=os.environ.get("AUTOPILOT_URL"),
        help="use this Autopilot API and start no simulator (AUTOPILOT_URL)",
    )
    command.add_argument(
        "--autopilot-key",
        default=os.environ.get("AUTOPILOT_API_KEY") or DEFAULT_KEY,
        help="its API key; better given as AUTOPILOT_API_KEY",
    )
    command.add_argument("--set", dest="settings", help="an app setting that wins over all others", **PAIRS)
    command.add_argument(
        "--switch",
        dest="switches",
        help="a behaviour of the simulated Autopilot; python -m devkit autopilot --help lists them",
        **PAIRS,
    )


def _split_pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


PAIRS: dict[str, Any] = {"metavar": "NAME=VALUE", "action": "append", "default": [], "type": _split_pair}


def _up(arguments: argparse.Namespace) -> int:
    with _running(arguments, switches={}, settings={}) as stack:
        print(f"{'':<10} connection string of the storage: {stack.connection_string}")
        if arguments.without_app:
            print(f"{'':<10} settings of the app: {_shorten(stack.settings_file)}")
        _watch_over(stack)


def _demo(arguments: argparse.Namespace) -> int:
    if arguments.autopilot_url and arguments.autopilot_key == DEFAULT_KEY:
        raise demo.DemoError("A real account needs its key: AUTOPILOT_API_KEY=…")
    if arguments.keep:
        arguments.state = arguments.keep
    else:
        forget_state(arguments.state)
    with tempfile.TemporaryDirectory() as folder:
        source = _choose_source(arguments, Path(folder))
        with _running(arguments, switches=demo.SWITCHES, settings=demo.SETTINGS) as stack:
            summary = demo.run(stack, source, Console())
    if arguments.report:
        arguments.report.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 0 if summary["state"] in demo.SUCCESSFUL else 1


def _choose_source(arguments: argparse.Namespace, folder: Path) -> Source:
    if not arguments.segment:
        return generate_source(folder, arguments.profiles)
    return find_source(
        arguments.segment, arguments.email, {"FirstName": arguments.first, "LastName": arguments.last}
    )


@contextlib.contextmanager
def _running(
    arguments: argparse.Namespace, *, switches: Mapping[str, object], settings: Mapping[str, str]
) -> Iterator[LocalStack]:
    """Give a started stack; end it however the block is left, by a signal too.

    `switches` and `settings` hold where the command line says nothing else.
    """
    for number in ENDING:
        signal.signal(number, _interrupt)
    stack = LocalStack(
        arguments.state,
        autopilot_url=arguments.autopilot_url or None,
        autopilot_key=arguments.autopilot_key,
        autopilot_switches={**switches, **dict(arguments.switches)},
        settings={**settings, **dict(arguments.settings)},
        app=arguments.app,
        host_port=_choose_port() if arguments.port is None else arguments.port,
        use_func=arguments.func,
        with_app=not getattr(arguments, "without_app", False),
    )
    try:
        stack.start(tell=_tell)
        _tell_keys(arguments.state, stack.autopilot_key if stack.autopilot_control else None)
        yield stack
    finally:
        # A second Ctrl-C must not leave a part behind; `stop` takes a bounded time.
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()


def _watch_over(stack: LocalStack) -> NoReturn:
    """Wait until a part dies, which is an error, or a signal comes."""
    print("Ctrl-C ends all of it.", flush=True)
    while (dead := stack.find_dead()) is None:
        time.sleep(WATCH_INTERVAL_S)
    raise ChildError(f"{dead.name} has ended with exit code {dead.exit_code}. Log: {dead.log_path}")


def _status(arguments: argparse.Namespace) -> int:
    record = RecordFile(arguments.state).read()
    if record is None:
        print("Nothing runs.")
        return NOT_RUNNING
    for part in record.parts:
        _tell(part)
    _tell_keys(arguments.state, None)
    if not record.runs:
        end_them = f"python -m devkit stop --state {arguments.state}"
        print(f"Process {record.pid}, which had started these, is gone. To end what is left: {end_them}")
    return 0 if record.runs and all(part.runs for part in record.parts) else NOT_RUNNING


def _stop(arguments: argparse.Namespace) -> int:
    file = RecordFile(arguments.state)
    record = file.read()
    if record is None:
        print("Nothing runs.")
        return 0
    # The owner ends its parts itself, which may take a while; what is left after that is ended here.
    if record.born is not None and processes.end(record.pid, record.born, grace_s=90):
        print(f"Ended process {record.pid} and all it had started.")
    for name in end_parts(file.read() or record):
        print(f"Ended {name}, which was left behind.")
    file.remove()
    return 0


def _tell(part: Part) -> None:
    state = "" if part.runs else "  NOT RUNNING"
    print(f"{part.name:<10} {part.url:<48} log: {_shorten(part.log)}{state}", flush=True)


def _tell_keys(state: Path, autopilot_key: str | None) -> None:
    print(f"{'':<10} portal: the address of the app, in a browser; sign in as one of three people")
    if autopilot_key is not None:
        print(f"{'':<10} API key of the simulated Autopilot: {autopilot_key}")
    key = read_function_key(state)
    if key:
        print(f"{'':<10} function key of the app (x-functions-key): {key}")


def _shorten(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _choose_port() -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return 0
    return USUAL_PORT


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
