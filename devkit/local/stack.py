"""The whole of Segpilot's surroundings on one machine, and the app in the middle."""

import contextlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from devkit.autopilot.simulator import DEFAULT_KEY
from devkit.azurite import AzuriteServer
from devkit.child import Child, ChildError
from devkit.local import processes
from devkit.local.environment import build_environment, build_settings, write_settings
from devkit.local.record import Part, Record, RecordFile
from devkit.vault.server import VaultServer

REPOSITORY = Path(__file__).parents[2]
HOST_GRACE_S = 30  # the host lets running functions end


class LocalStack:
    """Storage, vault, Autopilot simulator and functions host as child processes.

    `with LocalStack(folder) as stack:` starts them and ends them in reverse order. All state is in
    `state`, logs in `state/logs`, among them `turn_log`, what the turns of orchestrations cost; another
    stack on the same folder finds what this one left.

    - `autopilot_url`: use this destination and start no simulator. `autopilot_key` is then up to you.
    - `autopilot_switches`: uncertain behaviours of the simulator (`python -m devkit autopilot --help`).
    - `settings`: app settings that win over all others.
    - `app`: the folder of function_app.py that the host runs. `use_func`: run it by Core Tools' `func start`.
    - `host_port`: 0 lets the system choose. `log_requests`: storage logs every request.
    - `with_app`: False starts everything else, and writes `local.settings.json` for an app that somebody else starts.
    - `shared`: further hosts may be added. `keep_histories`: `history_log` tells what happened in each turn.

    Raises ChildError, which names the log, when a part does not start, and StackRunsAlreadyError.
    """

    def __init__(
        self,
        state: Path,
        *,
        autopilot_url: str | None = None,
        autopilot_key: str = DEFAULT_KEY,
        autopilot_switches: Mapping[str, object] | None = None,
        settings: Mapping[str, str] | None = None,
        app: Path = REPOSITORY,
        host_port: int = 0,
        use_func: bool = False,
        log_requests: bool = False,
        shared: bool = False,
        keep_histories: bool = False,
        with_app: bool = True,
    ) -> None:
        self.state = state.resolve()
        self.autopilot_key = autopilot_key
        self._given_autopilot_url = autopilot_url
        self._autopilot_switches = dict(autopilot_switches or {})
        self._settings = dict(settings or {})
        self.app = app.resolve()
        self._host_port = host_port
        self._autopilot_port = 0
        self._storage_ports = (0, 0, 0)
        self.autopilot_control: str | None = None
        self.turn_log = self.state / "logs" / "turns.jsonl"
        self.history_log = self.state / "logs" / "histories.jsonl"
        self._host_options = ["--shared"] * shared
        self._host_options += ["--history-log", str(self.history_log)] * keep_histories
        self._use_func = use_func
        self._log_requests = log_requests
        self._with_app = with_app
        self._record_file = RecordFile(self.state)
        self._record: Record | None = None
        self._children: list[tuple[Child, float]] = []  # with the grace each gets

    def start(self, tell: Callable[[Part], None] | None = None) -> None:
        """Start all parts, one after the other; `tell` hears of each that is ready."""
        self._tell = tell
        self._record = self._record_file.claim()
        shutil.rmtree(self.state / "logs", ignore_errors=True)
        try:
            self._start_storage()
            self._start_vault()
            self._start_autopilot()
            self.environment = build_environment(self.app, **self._parts())
            self._create_segment_container()
            if self._with_app:
                self.start_host()
            else:
                self.settings_file = write_settings(self.app, build_settings(self.app, **self._parts()))
        except BaseException:
            self.stop()
            raise

    def _parts(self) -> dict[str, Any]:
        return {
            "connection_string": self.connection_string,
            "vault": self.vault.environment,
            "autopilot_url": self.autopilot_url,
            "overrides": self._settings,
        }

    def stop(self) -> None:
        """End all parts, last first: SIGTERM, and SIGKILL after a grace."""
        while self._children:
            child, grace_s = self._children.pop()
            child.stop(grace_s=grace_s)
        if self._record is not None:
            self._record = None
            self._record_file.remove()

    def start_host(self, app: Path | None = None, *, name: str = "app") -> None:
        """Start the host, on the port it had before if there was one; with `app`, of another folder from now on."""
        self.app = app.resolve() if app else self.app
        if self._use_func:
            self._start_func()
            return
        command = [sys.executable, "-m", "devkit", "host", "--app", str(self.app)]
        command += ["--state", str(self.state / "host"), "--port", str(self._host_port)]
        command += ["--turn-log", str(self.turn_log), *self._host_options]
        self._host = self._start(name, command, environment=self.environment, grace_s=HOST_GRACE_S)
        [self.host_url] = self._host.wait_for_output(r"^host listening on (\S+)", timeout_s=60)
        self._host_port = urlsplit(self.host_url).port or 0
        self._announce(name, self.host_url, self._host)

    def add_host(self, app: Path) -> Child:
        """Start another host (`added.log`) beside the one that runs, which is returned and no longer *the* host."""
        former, self._host_port = self._host, 0
        self.start_host(app, name="added")
        return former

    def kill_host(self, host: Child | None = None) -> None:
        """End the host, or a former one, with SIGKILL, as a crash would."""
        (host or self._host).kill()
        self._forget(host or self._host)

    def stop_host(self, host: Child | None = None) -> None:
        """End the host, or a former one, in order."""
        (host or self._host).stop(grace_s=HOST_GRACE_S)
        self._forget(host or self._host)

    def start_autopilot(self) -> None:
        """Start the simulator, on the port it had before if there was one, with what it knew and its first switches."""
        command = [sys.executable, "-m", "devkit", "autopilot", "--port", str(self._autopilot_port)]
        command += ["--key", self.autopilot_key, "--state", str(self.state / "autopilot.sqlite")]
        self._autopilot = self._start("autopilot", command)
        [url] = self._autopilot.wait_for_output(r"^autopilot listening on (\S+)", timeout_s=30)
        self._autopilot_port = urlsplit(url).port or 0
        self.autopilot_url = f"{url}/v1"
        self.autopilot_control = f"{url}/control"
        if self._autopilot_switches:
            set_switches = f"{self.autopilot_control}/switches"
            requests.post(set_switches, json=self._autopilot_switches, timeout=10).raise_for_status()
        self._announce("autopilot", url, self._autopilot)

    def stop_autopilot(self) -> None:
        """End the simulator in order: it is out of reach, and forgets nothing that it accepted."""
        self._autopilot.stop()
        self._forget(self._autopilot)

    def restart_storage(self) -> None:
        """End storage in order and start it again, on the ports it had before, with what it held."""
        self.storage.stop()
        self._forget(self.storage.child)
        self._start_storage()

    @property
    def host_pid(self) -> int:
        """The process that runs the app."""
        return self._host.pid

    @property
    def function_key(self) -> str:
        """The key for functions of level FUNCTION; empty with `func`, which asks for none locally."""
        return read_function_key(self.state)

    def find_dead(self) -> Child | None:
        """Return a part that has ended although it was not told to."""
        return next((child for child, _ in self._children if child.exit_code is not None), None)

    def __enter__(self) -> "LocalStack":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_storage(self) -> None:
        self.storage = AzuriteServer(
            self.state / "storage",
            ports=self._storage_ports,
            log_path=self._log_of("storage"),
            log_requests=self._log_requests,
        )
        blob, queue, table = map(
            urlsplit, (self.storage.blob_url, self.storage.queue_url, self.storage.table_url)
        )
        self._storage_ports = (blob.port or 0, queue.port or 0, table.port or 0)
        self.connection_string = self.storage.connection_string
        self._adopt("storage", self.storage.blob_url, self.storage.child)

    def _create_segment_container(self) -> None:
        """Make what the deployment makes in Azure; an app without this setting needs none."""
        name = self.environment.get("SEGMENTS_CONTAINER")
        connect = BlobServiceClient.from_connection_string
        if name:
            with connect(self.connection_string) as blobs, contextlib.suppress(ResourceExistsError):
                blobs.create_container(name)

    def _start_vault(self) -> None:
        self.vault = VaultServer(self.state / "vault", log_path=self._log_of("vault"))
        self._adopt("vault", self.vault.environment["KEY_VAULT_URL"], self.vault.child)

    def _start_autopilot(self) -> None:
        if self._given_autopilot_url is not None:
            self.autopilot_url = self._given_autopilot_url
            return
        self.start_autopilot()

    def _start_func(self) -> None:
        port = self._host_port or _find_free_port()
        command = ["func", "start", "--port", str(port)]
        # Core Tools start the worker with the first Python of the PATH: the one that has our packages.
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.environment.get('PATH', '')}"
        environment = {**self.environment, "PATH": path}
        self._host = self._start("app", command, environment=environment, grace_s=HOST_GRACE_S, cwd=self.app)
        self._host.wait_for_output(
            r"(Host lock lease acquired|Worker process started and initialized)", timeout_s=120
        )
        self._host_port = port
        self.host_url = f"http://127.0.0.1:{port}"
        self._announce("app", self.host_url, self._host)

    def _start(
        self,
        name: str,
        command: list[str],
        *,
        environment: Mapping[str, str] | None = None,
        grace_s: float = 10,
        cwd: Path = REPOSITORY,
    ) -> Child:
        if shutil.which(command[0]) is None:
            raise ChildError(f"{command[0]} is not on the PATH.")
        child = Child(name, command, log_path=self._log_of(name), env=environment, cwd=cwd)
        self._children.append((child, grace_s))
        return child

    def _adopt(self, name: str, url: str, child: Child) -> None:
        self._children.append((child, 10))
        self._announce(name, url, child)

    def _announce(self, name: str, url: str, child: Child) -> None:
        part = Part(name=name, url=url, log=child.log_path, pid=child.pid, born=processes.birth(child.pid))
        if self._record is not None:
            self._record.parts.append(part)
            self._record_file.write(self._record)
        if self._tell is not None:
            self._tell(part)

    def _forget(self, child: Child) -> None:
        self._children = [(each, grace_s) for each, grace_s in self._children if each is not child]
        if self._record is not None:
            self._record.parts = [part for part in self._record.parts if part.pid != child.pid]
            self._record_file.write(self._record)

    def _log_of(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"


def forget_state(state: Path) -> None:
    """Remove what earlier stacks left in `state`, and nothing else that may lie there.

    Raises StackRunsAlreadyError while one runs.
    """
    file = RecordFile(state)
    file.claim()
    for folder in ("storage", "vault", "host", "logs"):
        shutil.rmtree(state / folder, ignore_errors=True)
    for path in state.glob("autopilot.*"):
        path.unlink()
    file.remove()


def read_function_key(state: Path) -> str:
    """Return the host's default function key; empty when our own host has never run on `state`."""
    keys = state / "host" / "keys.json"
    if not keys.exists():
        return ""
    return str(json.loads(keys.read_text(encoding="utf-8"))["functionKeys"]["default"])


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
