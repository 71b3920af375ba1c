"""Blob triggers of the local host against Azurite: every version once, retries, poison, restarts."""

import json
import sqlite3
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from devkit.azurite import AzuriteServer
from devkit.host.blob_paths import BlobPath
from tests.integration.running_host import RunningHost, wait_until, write_app

APP = """
import json, os, pathlib, time
import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

app = func.FunctionApp()
NOTES = pathlib.Path(os.environ["NOTES"])

def note(**what):
    with NOTES.open("a") as file:
        file.write(json.dumps(what) + "\\n")

@app.blob_trigger("file", "%CONTAINER%/inbox/{name}.csv", "STORE", source=func.BlobSource.EVENT_GRID)
def stream(file: func.InputStream) -> None:
    note(f="stream", name=file.name, length=file.length, uri=file.uri, metadata=file.metadata,
         parts=[file.read(3).decode(), file.read().decode()], etag=file.blob_properties["ETag"])

@app.blob_trigger("client", "%CONTAINER%/clients/{name}", "STORE")
def sdk_client(client: blob.BlobClient) -> None:
    note(f="sdk_client", kind=type(client).__module__, name=client.blob_name,
         text=client.download_blob().readall().decode())

@app.blob_trigger("raw", "%CONTAINER%/raw/{name}", "STORE")
async def raw_bytes(raw: bytes) -> None:
    note(f="raw_bytes", text=raw.decode())

@app.blob_trigger("file", "%CONTAINER%/bad/{name}", "STORE")
def failing(file: func.InputStream) -> None:
    note(f="failing", name=file.name)
    if not pathlib.Path(os.environ["CURE"]).exists():
        raise RuntimeError("cannot be read")

@app.blob_trigger("file", "%CONTAINER%/slow/{name}", "STORE")
def slow(file: func.InputStream) -> None:
    note(f="slow", name=file.name)
    while not pathlib.Path(os.environ["CURE"]).exists():
        time.sleep(0.02)
    note(f="slow ended", name=file.name)
"""


class Place:
    """A container of the test's own and the notes that the app writes."""

    def __init__(self, folder: Path, store: AzuriteServer, container: str) -> None:
        self.app = write_app(folder / "app", APP)
        self.folder = folder
        service = BlobServiceClient.from_connection_string(store.connection_string)
        self.container: ContainerClient = service.get_container_client(container)
        self.cure = folder / "cure"
        self.settings = {
            "STORE": store.connection_string,
            "CONTAINER": container,
            "NOTES": str(folder / "notes"),
            "CURE": str(self.cure),
        }

    def start(self) -> RunningHost:
        return RunningHost(self.app, self.folder / "state", settings=self.settings)

    def upload(self, name: str, text: str, **options: object) -> None:
        self.container.upload_blob(name, text, overwrite=True, **options)

    def notes(self, function: str) -> list[dict]:
        file = self.folder / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [note for line in lines if (note := json.loads(line))["f"] == function]

    def query(self, sql: str) -> list[tuple]:
        database = sqlite3.connect(self.folder / "state" / "host.sqlite")
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()


@pytest.fixture
def place(tmp_path: Path, azurite: AzuriteServer, unique_name: str) -> Place:
    found = Place(tmp_path, azurite, unique_name)
    found.container.create_container()
    return found


def test_a_new_blob_reaches_its_function_as_a_stream_with_its_properties(place: Place) -> None:
    with place.start():
        place.upload("inbox/a.csv", "name\nÉva", metadata={"source": "crm"})
        wait_until(lambda: len(place.notes("stream")) == 1)
    note = place.notes("stream")[0]
    assert note["name"] == f"{place.container.container_name}/inbox/a.csv"
    assert note["length"] == len("name\nÉva".encode())
    assert note["uri"].endswith("/inbox/a.csv")
    assert note["metadata"] == {"source": "crm"}
    assert note["parts"] == ["nam", "e\nÉva"]


def test_blobs_that_were_there_before_and_in_other_types_are_handled(place: Place) -> None:
    place.upload("clients/x", "through the SDK")
    place.upload("raw/x", "as bytes")
    place.upload("inbox/not-wanted.txt", "no csv")
    with place.start():
        wait_until(lambda: place.notes("sdk_client") and place.notes("raw_bytes"))
    assert place.notes("sdk_client")[0]["name"] == "clients/x"
    assert place.notes("sdk_client")[0]["kind"].startswith("azure.storage.blob")
    assert place.notes("sdk_client")[0]["text"] == "through the SDK"
    assert place.notes("raw_bytes")[0]["text"] == "as bytes"
    assert place.notes("stream") == []


def test_each_version_is_handled_once_even_over_restarts(place: Place) -> None:
    with place.start():
        place.upload("inbox/a.csv", "first")
        wait_until(lambda: len(place.notes("stream")) == 1)
        place.upload("inbox/a.csv", "second")
        wait_until(lambda: len(place.notes("stream")) == 2)
        wait_until(lambda: len(place.query("select * from blob_receipts where finished")) == 2)
    place.upload("inbox/b.csv", "third")
    with place.start():
        wait_until(lambda: len(place.notes("stream")) == 3)
    assert ["".join(note["parts"]) for note in place.notes("stream")] == ["first", "second", "third"]


def test_a_blob_that_was_being_handled_when_the_host_was_killed_is_handled_again(place: Place) -> None:
    with place.start() as host:
        place.upload("slow/a", "x")
        wait_until(lambda: len(place.notes("slow")) == 1)
        host.kill()
    place.cure.touch()
    with place.start():
        wait_until(lambda: len(place.notes("slow ended")) == 1)
    assert place.query("select tries, finished from blob_receipts") == [(2, 1)]


def test_a_clean_stop_lets_a_blob_in_hand_end_and_does_not_repeat_it(place: Place) -> None:
    with place.start() as host:
        place.upload("slow/a", "x")
        wait_until(lambda: len(place.notes("slow")) == 1)
        host.process.terminate()
        wait_until(lambda: "stopping" in host.log)
        place.cure.touch()
        assert host.process.wait(timeout=30) == 0
    assert place.query("select tries, finished from blob_receipts") == [(1, 1)]


def test_a_blob_that_fails_is_tried_again_until_it_goes_well(place: Place) -> None:
    with place.start():
        place.upload("bad/a", "x")
        wait_until(lambda: len(place.notes("failing")) >= 2)
        place.cure.touch()
        wait_until(lambda: place.query("select finished from blob_receipts") == [(1,)])
    assert place.query("select * from poison_blobs") == []


def test_after_five_failures_a_blob_is_given_up_and_kept_as_poison(place: Place) -> None:
    with place.start() as host:
        place.upload("bad/a", "x")
        wait_until(lambda: len(place.query("select * from poison_blobs")) == 1)
        assert "gave up a blob after 5 tries" in host.log
    assert len(place.notes("failing")) == 5
    assert place.query("select function, blob, error from poison_blobs") == [
        ("failing", "bad/a", "RuntimeError")
    ]
    with place.start():
        place.upload("inbox/later.csv", "x")
        wait_until(lambda: len(place.notes("stream")) == 1)
    assert len(place.notes("failing")) == 5


def test_at_most_eight_blobs_of_a_function_are_handled_at_once(place: Place) -> None:
    place.settings["PYTHON_THREADPOOL_THREAD_COUNT"] = "32"
    for number in range(12):
        place.upload(f"slow/{number}", "x")
    with place.start():
        wait_until(lambda: len(place.notes("slow")) == 8)
        place.upload("inbox/a.csv", "of another function")
        wait_until(lambda: len(place.notes("stream")) == 1)
        assert len(place.notes("slow")) == 8
        place.cure.touch()
        wait_until(lambda: len(place.notes("slow ended")) == 12)


def test_a_blob_can_be_handed_to_its_function_by_hand(place: Place) -> None:
    with place.start() as host:
        place.upload("inbox/a.csv", "again")
        wait_until(lambda: len(place.notes("stream")) == 1)
        path = f"{place.container.container_name}/inbox/a.csv"
        key = {"x-functions-key": host.master_key}
        answer = host.call("POST", "/admin/functions/stream", json={"input": path}, headers=key)
        assert answer.status_code == 202
        wait_until(lambda: len(place.notes("stream")) == 2)


def test_a_container_that_comes_later_is_found(
    tmp_path: Path, azurite: AzuriteServer, unique_name: str
) -> None:
    place = Place(tmp_path, azurite, unique_name)
    with place.start():
        place.container.create_container()
        place.upload("inbox/a.csv", "x")
        wait_until(lambda: len(place.notes("stream")) == 1)


def test_a_storage_account_that_is_down_is_said_and_does_not_keep_the_host_from_stopping(
    tmp_path: Path, azurite: AzuriteServer, unique_name: str
) -> None:
    place = Place(tmp_path, azurite, unique_name)
    place.settings["STORE"] = azurite.connection_string.replace(
        azurite.blob_url, "http://127.0.0.1:1/account"
    )
    with place.start() as host:
        wait_until(lambda: "function=stream cannot list its container" in host.log)
        assert host.stop() == 0


@pytest.mark.parametrize(
    ("path", "name", "wanted"),
    [
        ("box", "any/name", True),
        ("box/{name}", "a/b.csv", True),
        ("box/in/{name}.csv", "in/a.csv", True),
        ("box/in/{name}.csv", "in/a.txt", False),
        ("box/in/{name}.csv", "other/a.csv", False),
        ("box/{folder}/{name}.{ext}", "f/a.csv", True),
        ("box/{a}-{a}", "x-x", True),
        ("box/{a}-{a}", "x-y", False),
        ("box/a.csv", "axcsv", False),
    ],
)
def test_a_path_wants_what_its_tokens_say(path: str, name: str, wanted: bool) -> None:
    assert BlobPath(path).container == "box"
    assert BlobPath(path).wants(name) is wanted
