"""Segpilot as its users meet it: HTTP calls and uploads go in, and what the outside systems hold is read back."""

import contextlib
import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import duckdb
import requests
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from devkit.local.stack import LocalStack
from devkit.vault.rest import challenge_resource
from shared.pipeline import places

SUCCESSFUL = {"Successful", "Successful with rejects"}
ENDED = SUCCESSFUL | {"Failed", "Canceled", "Skipped"}
FIELDS = (
    {"field": "FirstName", "column": "FirstName"},
    {"field": "MailingCity", "column": "City"},
    {"field": "Income", "column": "Income", "type": "float"},
)
_POLL_S = 0.1

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class People:
    """A segment file with nothing wrong in it, and whom it holds."""

    data: bytes
    emails: frozenset[str]


def make_people(numbers: Iterable[int], tag: str, *, moved: Iterable[int] = ()) -> People:
    """Make a CSV of one person per number; those in `moved` live elsewhere. `tag` keeps tests apart."""
    elsewhere = set(moved)
    lines, emails = ["Email,FirstName,City,Income"], []
    for number in numbers:
        emails.append(f"{tag}.{number}@example.com")
        city = "Cluj-Napoca" if number in elsewhere else "Logroño"
        lines.append(f"{emails[-1]},Ana{number % 97},{city},{1000 + number}.5")
    return People("\r\n".join([*lines, ""]).encode(), frozenset(emails))


class Simulator:
    """The control side of the simulated Autopilot, and its API where that shows more."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack

    def ask(self, path: str) -> Any:
        answer = requests.get(f"{self._stack.autopilot_control}/{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def order(self, path: str, body: Mapping[str, object]) -> None:
        requests.post(f"{self._stack.autopilot_control}/{path}", json=body, timeout=30).raise_for_status()

    def list_ids(self, title: str) -> list[str]:
        return [each["list_id"] for each in self.ask("state")["lists"] if each["title"] == title]

    def members(self, title: str) -> list[str]:
        """Return the e-mails on the one list of this title, sorted; empty when there is no such list."""
        list_ids = self.list_ids(title)
        assert len(list_ids) <= 1, f"{len(list_ids)} lists are called {title}"
        return [email for list_id in list_ids for email in self.ask(f"lists/{list_id}/emails")]

    def contacts(self, title: str, key: str) -> list[Json]:
        """Return everybody on a list as Autopilot's own API shows them."""
        [list_id] = self.list_ids(title)
        found: list[Json] = []
        bookmark = ""
        while True:
            url = f"{self._stack.autopilot_url}/list/{list_id}/contacts{bookmark}"
            page = requests.get(url, headers={"autopilotapikey": key}, timeout=30).json()
            found += page["contacts"]
            if not page.get("bookmark"):
                return found
            bookmark = f"/{page['bookmark']}"

    def write(self, path: str, body: object) -> Json:
        """Do what somebody else does over Autopilot's own API: `POST /{path}`."""
        headers = {"autopilotapikey": self._stack.autopilot_key}
        answer = requests.post(f"{self._stack.autopilot_url}/{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def outcomes(self, endpoint: str) -> int:
        """Return how many calls of an endpoint it has answered."""
        return sum(self.ask("state")["calls"].get(endpoint, {}).values())

    def calm(self) -> None:
        """End faults and go back to the switches and the key that it started with."""
        self.order("faults", {"clear": True, "poison": []})
        self.order("switches", {"bulk_list": "honoured", "latency_ms": 0, "rate": None})
        self.order("key", {"key": self._stack.autopilot_key})


class Segpilot:
    """Drives the app of a running stack. `heard` holds every header and body that the app ever answered with."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack, self.simulator = stack, Simulator(stack)
        self.heard: list[bytes] = []
        self._session = requests.Session()
        self._exports: list[str] = []
        self._connections: list[str] = []
        self.blobs = BlobServiceClient.from_connection_string(stack.connection_string)
        self.tables = TableServiceClient.from_connection_string(stack.connection_string)
        with contextlib.suppress(ResourceExistsError):
            self.blobs.create_container("segments")

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Call a path of the host; `key` instead of the function key, empty for none."""
        key = self.stack.function_key if key is None else key
        sent = {**(headers or {}), **({"x-functions-key": key} if key else {})}
        url = f"{self.stack.host_url}/{path}"
        if isinstance(body, bytes):
            answer = self._session.request(method, url, data=body, headers=sent, timeout=60)
        else:
            answer = self._session.request(method, url, json=body, headers=sent, timeout=60)
        self.heard += [str(dict(answer.headers)).encode(), answer.content]
        return answer

    def get(self, path: str) -> Any:
        """Return what `GET /api/{path}` answers."""
        return self._document(self.call("GET", f"api/{path}"))

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Any:
        return self._document(self.call("POST", f"api/{path}", body, headers=headers))

    def add_connection(self, **changes: object) -> str:
        """Add a connection without a ceiling of calls and return its id."""
        consent = {"agreed": True, "version": "1"}
        key = {} if "secret_name" in changes else {"api_key": self.stack.autopilot_key}
        body = {"display_name": "Autopilot", "max_calls_per_s": 0, "consent": consent, **key, **changes}
        self._connections.append(str(self.post("connections", body)["id"]))
        return self._connections[-1]

    def add_export(
        self,
        *segments: object,
        connection: str | None = None,
        email_column: str = "Email",
        fields: Iterable[Mapping[str, object]] = FIELDS,
        **more: object,
    ) -> str:
        """Add an export of segments, with a connection of its own unless one is given; return its id."""
        body = {
            "name": f"Export of {segments[0]}",
            "connection_id": connection or self.add_connection(),
            "email_column": email_column,
            "fields": list(fields),
            "segments": list(segments),
            **more,
        }
        self._exports.append(str(self.post("exports", body)["id"]))
        return self._exports[-1]

    def upload(self, name: str, data: bytes) -> None:
        """Put a blob into the segment container, as a customer data platform would."""
        self.blobs.get_blob_client("segments", name).upload_blob(data, overwrite=True)

    def arrive(self, segment: str, data: bytes) -> None:
        """Upload a segment that no export carries yet, and wait until that has set off all it will: rows are counted
        last. An export that is added earlier may get a run of the arrival's, beside the one a test asks for."""

        def look() -> Json | None:
            found = self.find_segment(segment)
            return found if found and (found["rows"] is not None or found["exports"]) else None

        self.upload(f"{segment}/people.csv", data)
        self.wait_until(look, f"the segment {segment}")

    def runs(self, export_id: str) -> list[Json]:
        """Return the runs of an export, oldest first."""
        found = self.get(f"runs?size=200&export_id={export_id}")["runs"]
        return sorted(found, key=lambda run: run["created_at"])

    def wait_for_run(self, export_id: str, number: int = 1, *, timeout_s: float = 90) -> Json:
        """Wait until the export's run of this number, counted from 1, has ended; return it."""

        def look() -> Json | None:
            runs = self.runs(export_id)
            return runs[number - 1] if len(runs) >= number and runs[number - 1]["status"] in ENDED else None

        return self.wait_until(look, f"the end of run {number} of {export_id}", timeout_s)

    def wait_for(self, run_id: str, *, timeout_s: float = 90) -> Json:
        """Wait for the end of a run; return it."""
        return self.wait_for_state(run_id, lambda run: run["status"] in ENDED, timeout_s=timeout_s)

    def wait_for_state(self, run_id: str, test: Callable[[Json], bool], *, timeout_s: float = 60) -> Json:
        """Wait until a run is as `test` wants it."""

        def look() -> Json | None:
            run: Json = self.get(f"runs/{run_id}")
            return run if test(run) else None

        return self.wait_until(look, f"a certain state of {run_id}", timeout_s)

    def wait_for_start(self, export_id: str, number: int = 1) -> str:
        """Wait until the export has that many runs; return the id of the last one."""

        def look() -> str | None:
            runs = self.runs(export_id)
            return str(runs[number - 1]["id"]) if len(runs) >= number else None

        return self.wait_until(look, f"run {number} of {export_id}")

    def run_now(
        self, export_id: str, *, request_key: str | None = None, full: bool = False, dry: bool = False
    ) -> Json:
        """Ask for a run; return it as it was at once."""
        headers = {"Idempotency-Key": request_key} if request_key else {}
        run: Json = self.post(f"exports/{export_id}/runs", {"full": full, "dry": dry}, headers=headers)
        return run

    def find_segment(self, name: str) -> Json | None:
        """Return a segment by name, or None while nothing of it has arrived."""
        answer = self.call("GET", f"api/segments/{quote(name, safe='')}")
        return self._document(answer) if answer.status_code != 404 else None

    def lose_the_task_hub(self) -> None:
        """What somebody does who removes its tables and queues, in the belief that they are not needed."""
        self.stack.kill_host()
        hub = list((self.stack.state / "host").glob("durable.sqlite*"))
        assert hub
        for file in hub:
            file.unlink()
        self.stack.start_host()

    def fire(self, function: str, text: str) -> int:
        """Run a function by hand, as the platform lets an administrator do; return the HTTP status."""
        keys = json.loads((self.stack.state / "host" / "keys.json").read_text(encoding="utf-8"))
        url = f"admin/functions/{function}"
        return self.call("POST", url, {"input": text}, key=keys["masterKey"]).status_code

    def rejects(self, run_id: str) -> list[dict[str, str]]:
        """Return the rows of a run's rejects file."""
        answer = self.call("GET", f"api/runs/{run_id}/rejects")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.content.decode())))

    def ledger(self, export_id: str, segment: str, list_id: str) -> dict[str, str]:
        """Return contact ids by e-mail, as the ledger in storage has them; empty when there is none."""
        blob = self.blobs.get_blob_client("segpilot", places.ledger(export_id, segment, list_id))
        if not blob.exists():
            return {}
        path = self.stack.state / f"read-{time.monotonic_ns()}.parquet"
        path.write_bytes(blob.download_blob().readall())
        try:
            rows = duckdb.sql(f"select email, contact_id from read_parquet('{path}')").fetchall()
        finally:
            path.unlink()
        emails = [email for email, _ in rows]
        assert len(set(emails)) == len(emails), "someone is on the ledger twice"
        return dict(rows)

    def put_secret(self, name: str, value: str) -> None:
        """Write a secret into the vault past the app, as an administrator would."""
        there = self.stack.vault.environment
        host = urlsplit(there["KEY_VAULT_URL"]).netloc
        asked = requests.get(
            there["IDENTITY_ENDPOINT"],
            params={"resource": challenge_resource(host), "api-version": "2019-08-01"},
            headers={"X-IDENTITY-HEADER": there["IDENTITY_HEADER"]},
            timeout=10,
        )
        requests.put(
            f"{there['KEY_VAULT_URL']}/secrets/{name}",
            params={"api-version": "7.4"},
            json={"value": value},
            headers={"Authorization": f"Bearer {asked.json()['access_token']}"},
            verify=there["REQUESTS_CA_BUNDLE"],
            timeout=10,
        ).raise_for_status()

    def trouble_vault(self, **fault: object) -> None:
        """Set a fault of the vault: `unavailable_s` seconds of `answer`."""
        requests.post(self.stack.vault.control_url, json=fault, timeout=10).raise_for_status()

    def clean_up(self) -> None:
        """Take back what was added, so that a later refresh does not run it."""
        by_hand = [
            each["id"]
            for connection_id in self._connections
            for each in self.get(f"exports?size=200&connection_id={connection_id}")["exports"]
        ]
        for export_id in dict.fromkeys([*self._exports, *by_hand]):
            for run in self.runs(export_id):
                if run["status"] not in ENDED:
                    self.call("POST", f"api/runs/{run['id']}/cancel")
                    self.wait_for(run["id"])
            self.call("DELETE", f"api/exports/{export_id}")
        for connection_id in self._connections:
            self.call("DELETE", f"api/connections/{connection_id}")
        self._session.close()

    @staticmethod
    def wait_until(look: Callable[[], T | None], what: str, timeout_s: float = 60) -> T:
        """Return the first answer of `look` that is not None."""
        deadline = time.monotonic() + timeout_s
        while (found := look()) is None:
            assert time.monotonic() < deadline, f"Not within {timeout_s:g} s: {what}"
            time.sleep(_POLL_S)
        return found

    def _document(self, answer: requests.Response) -> Any:
        assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
        return answer.json()
