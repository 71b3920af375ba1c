"""The command: run a function app in the foreground until SIGTERM or SIGINT."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from devkit.host.host import Address, Host
from devkit.host.indexing import IndexingError
from devkit.host.malformed import leave_out_what_was_sent
from devkit.host.settings import SettingsError, read_settings_file
from devkit.host.tracing import TraceIds

log = logging.getLogger("devkit.host")


def main(argv: Sequence[str]) -> int:
    """Run the host. Return 0 after a clean stop, 1 when the app or its settings cannot be used."""
    arguments = _parse(argv)
    _set_up_logging()
    app_dir, state_dir = arguments.app.resolve(), arguments.state.resolve()
    for name in ("turn_log", "history_log"):
        path = getattr(arguments, name)
        setattr(arguments, name, path and path.resolve())
    try:
        if arguments.settings:
            os.environ.update(read_settings_file(arguments.settings))
        os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
        os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        os.chdir(app_dir)
        address = Address(arguments.port, arguments.public_url)
        finished = asyncio.run(_serve(app_dir, state_dir, address, arguments))
    except (IndexingError, SettingsError) as error:
        log.critical("the app cannot be served: %s", error)
        return 1
    # The durable SDK never closes its client session and Python would say so now.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if not finished:
        log.warning("some functions did not end in time and were left behind")
        logging.shutdown()
        os._exit(0)  # Python would wait for their threads
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py and host.json")
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for keys, receipts and durable history"
    )
    parser.add_argument("--settings", type=Path, help="a file shaped like local.settings.json")
    parser.add_argument("--public-url", help="origin under which others reach this host")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds that a stop waits for functions")
    parser.add_argument(
        "--turn-log", type=Path, help="file that tells what each turn of an orchestration cost"
    )
    parser.add_argument("--history-log", type=Path, help="file that tells what happened in each turn")
    parser.add_argument(
        "--shared", action="store_true", help="other hosts that are told the same use the same --state"
    )
    return parser.parse_args(argv)


async def _serve(app_dir: Path, state_dir: Path, address: Address, arguments: argparse.Namespace) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = Host(
        app_dir=app_dir,
        state_dir=state_dir,
        address=address,
        environment=os.environ,
        grace_s=arguments.grace,
        turn_log=arguments.turn_log,
        history_log=arguments.history_log,
        shared=arguments.shared,
    )
    await host.start()
    print(f"host listening on {host.url}", flush=True)
    stopped, failed = asyncio.create_task(stop.wait()), asyncio.create_task(host.watch())
    await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    finished = await host.stop()
    if not stopped.done():
        stopped.cancel()
        await failed
    failed.cancel()
    return finished


def _set_up_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(TraceIds())
    line = "%(asctime)s %(levelname)s %(name)s %(message)s%(trace)s"
    logging.basicConfig(handlers=[handler], level=logging.INFO, format=line)
    # The SDKs log each request with its headers, and URLs may carry signatures.
    for noisy in ("azure", "urllib3", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(leave_out_what_was_sent)
