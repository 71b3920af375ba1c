"""Fill a running stack step by step, as people would."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from devkit.local.source import SAMPLE_FIELDS
from devkit.local.stack import LocalStack
from devkit.sample_data import write_segment
from devkit.showcase.past import add_past
from devkit.showcase.person import Json, Person

READERS, LOYAL, BASKETS = "Newsletter readers", "Clienți fideli", "Abandoned baskets"
LAPSED, PRESS, SALE = "Compradores inactivos", "Press contacts", "Summer sale"
ROWS = {READERS: 4_000, LOYAL: 900, BASKETS: 6_000, LAPSED: 1_200, PRESS: 34, SALE: 600}
_ZONE = "Europe/Bucharest"
_EMAIL = "EmailAddress"


@dataclass(frozen=True)
class Showcase:
    """Ids by what they are for. `exports` and `connections` are by name.

    Runs: `with_rejects` has ended, `waiting` waits for approval, `going` sends slowly, `failed` could not read its
    file, `dry` was a dry run.
    """

    connections: Mapping[str, str]
    exports: Mapping[str, str]
    with_rejects: str
    waiting: str
    going: str
    failed: str
    dry: str


def fill(stack: LocalStack, *, going_calls_per_s: float = 0.4) -> Showcase:
    """Make everything; the run that goes on sends `going_calls_per_s` batches of 100 people.

    The stack starts empty and settles files within seconds. Raises ShowcaseError when the app refuses a step.
    """
    ada, carlos = Person(stack, "administrator"), Person(stack, "contributor")
    with tempfile.TemporaryDirectory() as folder:
        upload = _Uploads(stack, Path(folder))
        for segment, rows in ROWS.items():
            upload(segment, "monday.csv", rows)
        for segment in ROWS:
            ada.wait_for_file(segment, f"{segment}/monday.csv")
        connections = _add_connections(ada, stack, going_calls_per_s)
        exports = _add_exports(ada, connections)
        _set_refresh(ada)
        going = ada.run(exports["Basket reminder"])
        _run_all_once(ada, exports)
        upload(READERS, "thursday.csv", 4_600)
        upload(LAPSED, "thursday.csv", 300)
        upload(SALE, "thursday.csv", 600, lambda line: line.replace(_EMAIL, "E-mail (new)"))
        for segment in (READERS, LAPSED, SALE):
            ada.wait_for_file(segment, f"{segment}/thursday.csv")
    dry = carlos.run(exports["Weekly newsletter"], dry=True)
    carlos.wait_for_end(dry)
    with_rejects = carlos.run(exports["Weekly newsletter"])
    waiting, failed = ada.run(exports["Recuperar clientes"]), ada.run(exports["Summer sale, first wave"])
    carlos.wait_for_end(with_rejects)
    ada.wait_for_end(failed)
    ada.wait_for_run(waiting, lambda run: run["status"] == "Waiting for approval")
    ada.wait_for_run(going, lambda run: run["stage"] == "sending")
    add_past(stack, [exports["Weekly newsletter"], exports["Bun venit, client fidel"]], (READERS, LOYAL))
    return Showcase(connections, exports, with_rejects, waiting, going, failed, dry)


class _Uploads:
    """Writes segment files of invented people and puts them where a customer data platform would."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._stack, self._path = stack, folder / "people.csv"

    def __call__(
        self, segment: str, file: str, rows: int, change_header: Callable[[str], str] = lambda line: line
    ) -> None:
        # A seed per segment: a later file of one holds the same people as far as it goes.
        write_segment(self._path, rows, seed=len(segment))
        header, _, people = self._path.read_bytes().partition(b"\r\n")
        data = change_header(header.decode()).encode() + b"\r\n" + people
        with BlobServiceClient.from_connection_string(self._stack.connection_string) as blobs:
            container = blobs.get_container_client(self._stack.environment["SEGMENTS_CONTAINER"])
            container.upload_blob(f"{segment}/{file}", data, overwrite=True)


def _add_connections(ada: Person, stack: LocalStack, going_calls_per_s: float) -> dict[str, str]:
    key = stack.autopilot_key
    wanted: dict[str, Json] = {
        "Newsletter account": {"shared_with": "contributors", "api_key": key, "max_calls_per_s": 0},
        "Retail brand, Spain": {"shared_with": "administrators", "api_key": key, "max_calls_per_s": 0},
        "Web shop": {"shared_with": "contributors", "api_key": key, "max_calls_per_s": going_calls_per_s},
        "Old trial account": {"shared_with": "administrators", "api_key": "0123456789abcdef0123456789abcdef"},
    }
    consent = {"agreed": True, "version": ada.get("consent")["version"]}
    ids = {}
    for name, more in wanted.items():
        body = {"display_name": name, "consent": consent, **more}
        ids[name] = str(ada.post("connections", body)["id"])
        ada.post(f"connections/{ids[name]}/connect")
    return ids


def _add_exports(ada: Person, connections: Mapping[str, str]) -> dict[str, str]:
    newsletter = {"connection_id": connections["Newsletter account"]}
    spain = {"connection_id": connections["Retail brand, Spain"]}
    weekly = {"recurrence": "weekly", "weekdays": ["monday", "thursday"]}
    wanted: dict[str, Json] = {
        "Weekly newsletter": {
            **newsletter,
            "segments": [READERS],
            "schedule": {**weekly, "times": ["06:00"], "time_zone": _ZONE},
            "leavers": "remove",
        },
        "Bun venit, client fidel": {
            **newsletter,
            "segments": [{"name": LOYAL, "list_name": "Loyalty journey"}],
            "consent_column": "NewsletterConsent",
        },
        "Recuperar clientes": {
            **spain,
            "segments": [LAPSED],
            "schedule": {"recurrence": "daily", "times": ["07:30"], "time_zone": "Europe/Madrid"},
            "leavers": "remove",
        },
        "Summer sale, first wave": {
            **spain,
            "segments": [SALE],
            "schedule": {"recurrence": "hourly", "minute": 15},
        },
        "Basket reminder": {
            "connection_id": connections["Web shop"],
            "segments": [BASKETS],
            "schedule": {"recurrence": "daily", "times": ["09:00", "18:00"], "time_zone": _ZONE},
        },
        "Press list": {**newsletter, "segments": [PRESS], "active": False},
    }
    common = {"email_column": _EMAIL, "fields": list(SAMPLE_FIELDS)}
    return {
        name: str(ada.post("exports", {"name": name, **common, **more})["id"])
        for name, more in wanted.items()
    }


def _set_refresh(ada: Person) -> None:
    ada.put("refresh", {"recurrence": "daily", "times": ["02:00"], "time_zone": _ZONE})


def _run_all_once(ada: Person, exports: Mapping[str, str]) -> None:
    """The basket reminder is left aside: it goes on all the time."""
    started = [ada.run(export_id) for name, export_id in exports.items() if name != "Basket reminder"]
    for run_id in started:
        ada.wait_for_end(run_id)
