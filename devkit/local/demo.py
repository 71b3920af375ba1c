"""The demonstration: a segment goes from a file to an Autopilot list before your eyes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from devkit.local.report import make_table, summarise
from devkit.local.source import Source
from devkit.local.stack import LocalStack

EXPORT = "Demonstration"
SUCCESSFUL = {"Successful", "Successful with rejects"}
ENDED = SUCCESSFUL | {"Failed", "Canceled", "Skipped"}
# Put on the list in the same call: one by one, 10,000 people would take minutes at the documented rate.
SWITCHES = {"bulk_list": "honoured", "latency_ms": 50}
SETTINGS = {"SETTLE_TIME_S": "3"}
POLL_S = 0.2
START_TIMEOUT_S = 120


class DemoError(RuntimeError):
    """The demonstration could not go on; says what the app answered."""


class Api:
    """The app's JSON API, called with the function key."""

    def __init__(self, stack: LocalStack) -> None:
        self._url = f"{stack.host_url}/api"
        self._session = requests.Session()
        self._session.headers["x-functions-key"] = stack.function_key

    def get(self, path: str) -> dict[str, Any]:
        return dict(self._call("GET", path).json())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self._call("POST", path, body).json())

    def download(self, path: str) -> bytes:
        return self._call("GET", path).content

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        response = self._session.request(method, f"{self._url}/{path}", json=body, timeout=120)
        if not response.ok:
            raise DemoError(f"{method} {response.url}: {response.status_code} {response.text}")
        return response


def run(stack: LocalStack, source: Source, console: Console) -> dict[str, Any]:
    """Export a source through a running stack; return the result for programs.

    Raises DemoError when the app refuses a step or no run begins.
    """
    api = Api(stack)
    export_id = _find_export(api, source) or _add_export(api, stack, source, console)
    seen = {run["id"] for run in api.get("runs?size=200")["runs"]}
    names = ", ".join(name for name, _ in source.files[:3]) + (", …" if len(source.files) > 3 else "")
    console.print(f"Uploading [bold]{names}[/bold] ({source.size_mb:.1f} MB)")
    started = time.perf_counter()
    upload(stack, source)
    ended = _watch(api, export_id, seen, console)
    seconds = time.perf_counter() - started
    summary = summarise(ended, _count_members(stack, ended), seconds)
    console.print(make_table(ended, summary, source.expected))
    if ended["failure"]:
        console.print(f"[red]{ended['failure']['message']}[/red] {ended['failure']['remedy']}")
    elif summary["profiles"] and not summary["sent"]:
        console.print("Nothing was sent: everybody is on the list already, unchanged.")
    if summary["rejected"]:
        rejects = stack.state / "rejects.csv"
        rejects.write_bytes(api.download(f"runs/{ended['id']}/rejects"))
        shown = rejects.relative_to(Path.cwd()) if rejects.is_relative_to(Path.cwd()) else rejects
        rows = sum(summary["rejected"].values())
        console.print(
            f"{rows:,} rows were rejected; docs/rejects.md explains the reasons. "
            f"Each with its file, line and reason: {shown}",
            soft_wrap=True,
        )
    return summary


def upload(stack: LocalStack, source: Source) -> None:
    """Put the files into the segment container, as a customer data platform would."""
    with BlobServiceClient.from_connection_string(stack.connection_string) as blobs:
        container = blobs.get_container_client(stack.environment["SEGMENTS_CONTAINER"])
        for name, path in source.files:
            with path.open("rb") as file:
                container.upload_blob(name, file, overwrite=True)


def _find_export(api: Api, source: Source) -> str | None:
    """Find the export that an earlier demonstration left, if it has the same mapping and segments."""
    for export in api.get(f"exports?search={EXPORT}&size=200")["exports"]:
        fields = [(field["field"], field["column"], field["type"]) for field in export["fields"]]
        wanted = [(field["field"], field["column"], field.get("type")) for field in source.fields]
        segments = [segment["name"] for segment in export["segments"]]
        if (export["email_column"], fields, segments) == (source.email_column, wanted, list(source.segments)):
            return str(export["id"])
    return None


def _add_export(api: Api, stack: LocalStack, source: Source, console: Console) -> str:
    simulated = stack.autopilot_control is not None
    connection = api.post(
        "connections",
        {
            "display_name": "Autopilot (simulated)" if simulated else "Autopilot",
            "api_key": stack.autopilot_key,
            "consent": {"agreed": True, "version": "1"},
            # The simulator has no limit of its own; a real account is treated with the usual care.
            "max_calls_per_s": 0 if simulated else None,
        },
    )
    finding = api.post(f"connections/{connection['id']}/connect", {})["finding"]
    console.print(f"Connection added, its key is in the vault. {finding['message']}")
    export = api.post(
        "exports",
        {
            "name": EXPORT,
            "connection_id": connection["id"],
            "email_column": source.email_column,
            "fields": list(source.fields),
            "segments": list(source.segments),
        },
    )
    console.print(
        f"Export added: {', '.join(source.segments)}, {len(source.fields)} fields besides the e-mail."
    )
    return str(export["id"])


def _watch(api: Api, export_id: str, seen: set[str], console: Console) -> dict[str, Any]:
    """Show the run that the upload sets off until it has ended; return it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<26}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("waiting for the upload", total=None, pace="")
        run: dict[str, Any] = {}
        for run in _poll(api, _wait_for_run(api, export_id, seen)):
            done = run["progress"]
            progress.update(
                task,
                description=run["stage"],
                completed=done["done"],
                total=done["to_send"] or None,
                pace=_describe_pace(done),
            )
    return run


def _describe_pace(done: dict[str, Any]) -> str:
    if not done["rate_per_s"]:
        return ""
    return f"{done['rate_per_s']:,.0f} people/s, {done['time_left_s']:.0f} s left"


def _poll(api: Api, run_id: str) -> Iterator[dict[str, Any]]:
    while True:
        run = api.get(f"runs/{run_id}")
        yield run
        if run["status"] in ENDED:
            return
        time.sleep(POLL_S)


def _wait_for_run(api: Api, export_id: str, seen: set[str]) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        for run in api.get("runs")["runs"]:
            if run["export_id"] == export_id and run["id"] not in seen:
                return str(run["id"])
        time.sleep(POLL_S)
    raise DemoError(f"No run began within {START_TIMEOUT_S} s of the upload; the log of the app may say why.")


def _count_members(stack: LocalStack, run: dict[str, Any]) -> int | None:
    """Ask Autopilot, not the app, how many people are on the lists; None when it does not say."""
    total = 0
    for segment in run["segments"]:
        if segment["list_id"]:
            url = f"{stack.autopilot_url}/list/{quote(segment['list_id'], safe='')}/contacts"
            answer = requests.get(url, headers={"autopilotapikey": stack.autopilot_key}, timeout=60)
            if not answer.ok or "total_contacts" not in answer.json():
                return None
            total += int(answer.json()["total_contacts"])
    return total
