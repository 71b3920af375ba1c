"""How long the whole local system takes, from the upload to Successful: python -m bench.whole

Azurite, vault, simulator and host run as processes of their own. ``--rate`` limits the simulator and leaves the app its
usual ceiling; without it neither has a limit.
"""

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient

from bench.stage import FIELDS, write_segment
from devkit.local.stack import LocalStack

SEGMENT = "bench"
ENDED = ("Successful", "Successful with rejects", "Failed", "Canceled")


class App:
    """The app's API, and the segment container."""

    def __init__(self, stack: LocalStack) -> None:
        self._url, self._session = f"{stack.host_url}/api", requests.Session()
        self._session.headers["x-functions-key"] = stack.function_key
        self._blobs = BlobServiceClient.from_connection_string(stack.connection_string)

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._session.request(method, f"{self._url}/{path}", json=body, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def upload(self, name: str, path: Path) -> None:
        container = self._blobs.get_container_client("segments")
        with path.open("rb") as file:
            container.upload_blob(name, file, overwrite=True)

    def add_export(self, key: str, max_calls_per_s: float | None) -> str:
        consent = {"agreed": True, "version": "1"}
        connection = self.call(
            "POST",
            "connections",
            {"display_name": "bench", "api_key": key, "consent": consent, "max_calls_per_s": max_calls_per_s},
        )
        fields = [field.model_dump(mode="json", exclude_none=True) for field in FIELDS]
        export = {
            "name": "bench",
            "connection_id": connection["id"],
            "email_column": "Email",
            "fields": fields,
        }
        return str(self.call("POST", "exports", {**export, "segments": [SEGMENT]})["id"])

    def wait(self, seen: set[str]) -> tuple[dict[str, Any], dict[str, float]]:
        """Wait for the end of the next run; also returns when each stage was first seen, in s from now."""
        started, stages = time.perf_counter(), {}
        while True:
            for run in self.call("GET", "runs")["runs"]:
                if run["id"] in seen:
                    continue
                stages.setdefault(run["stage"], round(time.perf_counter() - started, 2))
                if run["status"] in ENDED:
                    return run, stages
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--bulk-list", default="honoured", choices=("honoured", "new_only", "ignored"))
    parser.add_argument("--max-calls-per-s", type=float, help="ceiling of the connection; 0 = none")
    arguments = parser.parse_args()
    ceiling = arguments.max_calls_per_s
    if ceiling is None and arguments.rate is None:
        ceiling = 0.0
    switches: dict[str, object] = {"latency_ms": arguments.latency_ms, "bulk_list": arguments.bulk_list}
    if arguments.rate:
        switches["rate"] = arguments.rate
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_segment(folder / "segment.csv", arguments.rows)
        with LocalStack(folder / "state", autopilot_switches=switches) as stack:
            app = App(stack)
            app.add_export(stack.autopilot_key, ceiling)
            started = time.perf_counter()
            app.upload(f"{SEGMENT}/segment.csv", folder / "segment.csv")
            run, stages = app.wait(set())
            seconds = time.perf_counter() - started
            state = requests.get(f"{stack.autopilot_control}/state", timeout=30).json()
    on_list = next((entry["size"] for entry in state["lists"] if entry["title"] == SEGMENT), 0)
    print(
        json.dumps(
            {
                "rows": arguments.rows,
                "latency_ms": arguments.latency_ms,
                "rate": arguments.rate,
                "seconds": round(seconds, 2),
                "status": run["status"],
                "sent": run["counts"]["sent"],
                "calls": run["counts"]["calls"],
                "on_list": on_list,
                "stages_seen_at_s": stages,
                "failure": run["failure"],
                "calls_seen": state["calls"],
            }
        )
    )


if __name__ == "__main__":
    main()
