"""Scratch folders: gone when they are not needed any more, whatever happened to the process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from shared.domain.errors import DiskFull
from shared.pipeline.workspace import open_database, scratch_folder

_WORKER = """
from shared.pipeline.workspace import scratch_folder
with scratch_folder() as folder:
    (folder / "stage.duckdb").write_text("ana@example.com")
    print("ready", flush=True)
    input()
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def start_worker() -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def test_a_folder_is_gone_afterwards(scratch: Path) -> None:
    with scratch_folder() as folder:
        (folder / "file").touch()
    assert list(scratch.iterdir()) == []


def test_the_folder_of_a_killed_worker_is_removed_and_that_of_another_is_not(scratch: Path) -> None:
    with start_worker() as killed, start_worker() as other:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        assert len(list(scratch.glob("*/stage.duckdb"))) == 2
        with scratch_folder() as mine, scratch_folder() as also_mine:
            assert len(list(scratch.glob("*/stage.duckdb"))) == 1
            assert mine.exists()
            assert also_mine.exists()
        other.communicate("\n")
    assert list(scratch.iterdir()) == []


def test_a_full_disk_is_a_failure_of_its_own_that_may_pass(scratch: Path) -> None:
    with pytest.raises(DiskFull) as caught, scratch_folder(), Path("/dev/full").open("wb") as full:
        full.write(b"x")
    assert (caught.value.reason, caught.value.retryable) == ("disk-full", True)
    assert list(scratch.iterdir()) == []


def test_so_is_one_that_the_database_comes_upon(scratch: Path) -> None:
    with pytest.raises(DiskFull), scratch_folder() as folder, open_database(folder, 128) as database:
        database.execute("copy (from range(1000)) to '/dev/full' (format parquet)")
    assert list(scratch.iterdir()) == []


def test_other_errors_stay_what_they_are(scratch: Path) -> None:
    with pytest.raises(FileNotFoundError), scratch_folder() as folder:
        (folder / "missing").read_bytes()
    with (
        pytest.raises(duckdb.CatalogException),
        scratch_folder() as folder,
        open_database(folder, 128) as database,
    ):
        database.execute("from missing")
