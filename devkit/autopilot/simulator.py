"""The simulator as a whole: parts wired together, served in the foreground or in a background thread."""

import asyncio
import logging
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devkit.autopilot.calls import CallLog
from devkit.autopilot.contacts import Account
from devkit.autopilot.control import Control
from devkit.autopilot.faults import Faults
from devkit.autopilot.http_parser import Request
from devkit.autopilot.http_server import HOST, HttpServer
from devkit.autopilot.persistence import StateFile
from devkit.autopilot.replies import Refusal, Reply, error_reply, json_reply
from devkit.autopilot.routes import Gate
from devkit.autopilot.switches import Switches

DEFAULT_KEY = "c0ffee00c0ffee00c0ffee00c0ffee00"

_log = logging.getLogger(__name__)


class AutopilotSimulator:
    """An Autopilot account behind ``url``.

    As a context manager it serves from a background thread, for tests::

        with AutopilotSimulator(bulk_list="honoured", rate=5) as autopilot:
            requests.get(f"{autopilot.url}/v1/lists", headers={"autopilotapikey": autopilot.key})
            autopilot.faults.add("throttle", times=2, retry_after=1)
            assert autopilot.state.emails_on(list_id) == [...]

    ``state`` is the account, ``faults`` and ``switches`` take effect with the next call, ``key`` may be set
    (None revokes it), ``calls`` is the log. ``url`` ends with the port, without ``/v1``.
    """

    def __init__(
        self,
        *,
        key: str = DEFAULT_KEY,
        port: int = 0,
        state_file: Path | None = None,
        seed: int = 0,
        **switches: Any,
    ) -> None:
        """Raises ValueError for a switch that does not exist or a value it does not take."""
        self.switches = Switches()
        self.switches.update(switches)
        self.state = Account()
        self.faults = Faults(seed)
        self.port = port
        self._state_path = state_file
        self._state_file: StateFile | None = None
        self._writing: asyncio.Task[None] | None = None
        self._gate = Gate(key, self.state, self.switches, self.faults)
        self._control = Control(self.state, self.switches, self.faults, self._gate)
        self._server = HttpServer(self._answer)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def key(self) -> str | None:
        return self._gate.key

    @key.setter
    def key(self, key: str | None) -> None:
        self._gate.key = key

    @property
    def calls(self) -> CallLog:
        return self._gate.calls

    async def start(self) -> None:
        """Load the state and listen. Raises OSError when the port is taken."""
        if self._state_path is not None:
            self._state_file = StateFile(self._state_path, self.state)
            self._writing = asyncio.create_task(self._state_file.keep_writing())
        self.port = await self._server.start(self.port)

    async def stop(self) -> None:
        """Close all connections and write the state."""
        await self._server.stop()
        if self._state_file is not None and self._writing is not None:
            self._state_file.end()
            await self._writing
            self._state_file.close()

    def reset(self) -> None:
        """Forget contacts, lists, fields, hooks, calls and faults; switches and key stay as they are."""
        self._control.reset()

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(started),), daemon=True)
        self._thread.start()
        started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None  # noqa: S101 (tells mypy; cannot be otherwise)
        assert self._thread is not None  # noqa: S101 (tells mypy; cannot be otherwise)
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await self.start()
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(None)
        await self._stop.wait()
        await self.stop()

    def _answer(self, request: Request) -> Reply:
        try:
            match request.path.split("/", 2)[1]:
                case "v1":
                    return self._gate.answer(request)
                case "control":
                    return self._control.answer(request)
        except Exception:
            _log.exception("The simulator failed at %s %s", request.method, request.path)
            return error_reply(Refusal(500, "The simulator failed."), "error")
        return json_reply({"code": "ResourceNotFound", "message": f"{request.path} does not exist"}, 404)
