"""The demonstration: a segment of invented people goes from a file to an Autopilot list before your eyes."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceExistsError
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
from rich.table import Table

from devkit.local.stack import LocalStack
from devkit.sample_data import SegmentCounts, write_segment

SEGMENT = "Newsletter readers"
ENDED = {"Successful", "Failed", "Canceled", "Skipped"}
FIELDS = [
    {"field": "FirstName", "column": "FirstName"},
    {"field": "LastName", "column": "LastName"},
    {"field": "Phone", "column": "Phone"},
    {"field": "MailingStreet", "column": "Street"},
    {"field": "MailingCity", "column": "City"},
    {"field": "MailingPostalCode", "column": "PostalCode"},
    {"field": "MailingCountry", "column": "Country"},
    {"field": "Birth date", "column": "BirthDate", "type": "date", "date_order": "mdy"},
    {"field": "Annual income", "column": "AnnualIncome", "type": "float"},
    {"field": "Orders last year", "column": "OrdersLastYear", "type": "integer"},
    {"field": "Customer since", "column": "CustomerSince", "type": "date", "date_order": "ymd"},
]
# Put on the list in the same call, not one by one, it takes seconds instead of minutes at the documented rate.
SWITCHES = {"bulk_list": "honoured"}
SETTINGS = {"BATCHES_PER_CHUNK": "5"}  # small steps, so that the bar moves
POLL_S = 0.5
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
        return self._answer(self._session.get(f"{self._url}/{path}", timeout=60))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._answer(self._session.post(f"{self._url}/{path}", json=body, timeout=60))

    def _answer(self, response: requests.Response) -> dict[str, Any]:
        if not response.ok:
            raise DemoError(
                f"{response.request.method} {response.url}: {response.status_code} {response.text}"
            )
        return dict(response.json())


def run(stack: LocalStack, profiles: int, console: Console) -> bool:
    """Export a generated segment through a running stack; return whether the run was successful.

    Raises DemoError when the app refuses a step or no run begins.
    """
    api = Api(stack)
    connection = _add_connection(api, stack.autopilot_key)
    console.print(f"Connection [bold]{connection['display_name']}[/bold] added; its API key is in the vault.")
    export = _add_export(api, str(connection["id"]))
    console.print(f"Export [bold]{export['name']}[/bold] added: {len(FIELDS)} fields of each person.")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        written = write_segment(path, profiles)
        size_mb = path.stat().st_size / 1e6
        console.print(f"Uploading [bold]{SEGMENT}/people.csv[/bold]: {profiles:,} rows, {size_mb:.1f} MB.")
        upload(stack.connection_string, path)

    run = _watch(api, str(export["id"]), console)
    console.print(_make_table(run, written, _count_members(stack)))
    if run["failure"]:
        console.print(f"[red]{run['failure']['message']}[/red] {run['failure']['remedy']}")
    return bool(run["status"] == "Successful")


def upload(connection_string: str, path: Path) -> None:
    """Put a file into the segment container, as a customer data platform would."""
    with BlobServiceClient.from_connection_string(connection_string) as blobs:
        container = blobs.get_container_client("segments")
        with contextlib.suppress(ResourceExistsError):
            container.create_container()
        with path.open("rb") as file:
            container.upload_blob(f"{SEGMENT}/{path.name}", file, overwrite=True)


def _add_connection(api: Api, key: str) -> dict[str, Any]:
    consent = {"given_by": "demo", "text": "These people do not exist; their data may go to the simulator."}
    return api.post(
        "connections", {"display_name": "Autopilot (simulated)", "api_key": key, "consent": consent}
    )


def _add_export(api: Api, connection_id: str) -> dict[str, Any]:
    return api.post(
        "exports",
        {
            "name": "Newsletter readers to Autopilot",
            "connection_id": connection_id,
            "email_column": "EmailAddress",
            "fields": FIELDS,
            "segments": [SEGMENT],
        },
    )


def _watch(api: Api, export_id: str, console: Console) -> dict[str, Any]:
    """Show the run that the upload sets off until it has ended; return it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<26}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("waiting for the upload", total=None, rate="")
        run: dict[str, Any] = {}
        for run in _poll(api, export_id):
            done = run["progress"]
            rate = done.get("rate_per_s")
            progress.update(
                task,
                description=run["stage"],
                completed=done["done"],
                total=done["to_send"] or None,
                rate=f"{rate:,.0f} people/s" if rate else "",
            )
    return run


def _poll(api: Api, export_id: str) -> Iterator[dict[str, Any]]:
    run_id = _wait_for_run(api, export_id)
    while True:
        run = api.get(f"runs/{run_id}")
        yield run
        if run["status"] in ENDED:
            return
        time.sleep(POLL_S)


def _wait_for_run(api: Api, export_id: str) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        for run in api.get("runs")["runs"]:
            if run["export_id"] == export_id:
                return str(run["id"])
        time.sleep(POLL_S)
    raise DemoError(f"No run began within {START_TIMEOUT_S} s of the upload; the log of the app may say why.")


def _count_members(stack: LocalStack) -> int | None:
    """Ask the simulator, not the app, how many people are on the list."""
    if stack.autopilot_control is None:
        return None
    state = requests.get(f"{stack.autopilot_control}/state", timeout=30).json()
    return next((int(each["size"]) for each in state["lists"] if each["title"] == SEGMENT), 0)


def _make_table(run: dict[str, Any], written: SegmentCounts, members: int | None) -> Table:
    table = Table(title=f"Run {run['status'].lower()}", title_justify="left")
    table.add_column("")
    table.add_column("in the file", justify="right")
    table.add_column("in the run", justify="right")
    counts = run["counts"]
    table.add_row("rows", f"{written.rows:,}", f"{counts['rows']:,}")
    table.add_row("people", f"{written.people:,}", f"{counts['profiles']:,}")
    for reason, expected in count_rejects(written).items():
        table.add_row(f"  {reason}", f"{expected:,}", f"{run['rejected'].get(reason, 0):,}")
    for reason in sorted(run["rejected"].keys() - count_rejects(written).keys()):
        table.add_row(f"  {reason}", "", f"{run['rejected'][reason]:,}")
    table.add_section()
    for column, expected in (("AnnualIncome", written.bad_incomes), ("BirthDate", written.bad_birth_dates)):
        left_out = run["dropped_values"].get(column, 0)
        table.add_row(f"values of {column} left out", f"{expected:,}", f"{left_out:,}")
    table.add_section()
    table.add_row("sent to Autopilot", "", f"{counts['sent']:,}")
    table.add_row("calls that took", "", f"{counts['calls']:,}")
    if members is not None:
        table.add_row("on the list, says Autopilot", f"{written.people:,}", f"{members:,}")
    return table


def count_rejects(written: SegmentCounts) -> dict[str, int]:
    """Return how many rejects of each reason code the app should report for such a file."""
    expected = {
        "email_blank": written.blank_emails,
        **written.invalid_emails,
        "duplicate_email": written.duplicate_emails,
        "too_few_fields": written.too_few_columns,
        "too_many_fields": written.too_many_columns,
        "unclosed_quote": written.unclosed_quotes,
    }
    return {reason: count for reason, count in sorted(expected.items()) if count}
