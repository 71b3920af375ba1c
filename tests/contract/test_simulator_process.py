"""The simulator as a process: its command line, and a state that outlives it."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from tests.contract.autopilot_caller import Caller

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789abcdef"


@contextmanager
def running(*options: object):
    """Yield the process, with `url`, `port` and `key` as `Caller` wants them; stop it unless that was done."""
    command = [sys.executable, "-m", "devkit.autopilot", "--key", KEY, *map(str, options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        line = process.stdout.readline()
        assert line.startswith("autopilot listening on http://127.0.0.1:")
        url = line.split()[-1]
        yield SimpleNamespace(process=process, url=url, port=int(url.rpartition(":")[2]), key=KEY)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)
        process.stdout.close()


def test_switches_of_the_command_line_are_in_force():
    options = (
        "--bulk-list",
        "honoured",
        "--rate",
        "7.5",
        "--contact-limit",
        "none",
        "--overwrite-names",
        "off",
    )
    with running(*options) as autopilot:
        switches = Caller(autopilot).control("GET", "/switches").json()
    assert (switches["bulk_list"], switches["rate"]) == ("honoured", 7.5)
    assert (switches["contact_limit"], switches["overwrite_names"]) == (None, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_even_with_clients_connected(number):
    with running() as autopilot:
        call = Caller(autopilot)
        call("GET", "/lists")
        autopilot.process.send_signal(number)
        assert autopilot.process.wait(20) == 0


def test_a_wrong_switch_is_told_before_it_starts():
    command = [sys.executable, "-m", "devkit.autopilot", "--bulk-list", "perhaps"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert result.returncode == 2
    assert "must be one of honoured, new_only, ignored" in result.stderr


def test_a_port_that_is_taken_is_told():
    with running() as autopilot:
        command = [sys.executable, "-m", "devkit.autopilot", "--port", str(autopilot.port)]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert result.returncode == 1
    assert result.stderr.startswith("autopilot cannot start:")


def test_everything_survives_a_clean_stop(tmp_path):
    state = ("--state", tmp_path / "autopilot.sqlite")
    with running(*state) as autopilot:
        call = Caller(autopilot)
        list_id = call.create_list("High value")
        call.bulk(
            *({"Email": f"p{number}@example.com", "custom": {"integer--N": number}} for number in range(100))
        )
        call("POST", f"/list/{list_id}/contact/p7@example.com")
        call("POST", "/contact/p7@example.com/unsubscribe")
        call("DELETE", "/contact/p8@example.com")
        call("POST", "/hook", json={"event": "contact_added", "target_url": "https://hooks.example"})
        paths = ("/contacts", "/lists", f"/list/{list_id}/contacts", "/hooks", "/contacts/custom_fields")
        before = [call("GET", path).json() for path in paths]
    with running(*state) as autopilot:
        call = Caller(autopilot)
        assert [call("GET", path).json() for path in paths] == before
        assert before[0]["total_contacts"] == 99
        assert call.upsert(Email="new@example.com").status_code == 200
        assert call.control("GET", "/state").json()["contacts"] == 100


def test_a_reset_survives_a_clean_stop(tmp_path):
    state = ("--state", tmp_path / "autopilot.sqlite")
    with running(*state) as autopilot:
        Caller(autopilot).upsert(Email="a@example.com")
    with running(*state) as autopilot:
        Caller(autopilot).control("POST", "/reset")
        Caller(autopilot).upsert(Email="b@example.com")
    with running(*state) as autopilot:
        assert Caller(autopilot).control("GET", "/state").json()["contacts"] == 1
        assert Caller(autopilot).read("b@example.com")["Email"] == "b@example.com"


def test_what_was_written_survives_a_kill_and_the_rest_is_whole(tmp_path):
    state = ("--state", tmp_path / "autopilot.sqlite")
    with running(*state) as autopilot:
        call = Caller(autopilot)
        list_id = call.create_list("High value")
        call.upsert(Email="a@example.com", _autopilot_list=list_id)
    # The clean stop wrote that for certain; what follows may be lost.
    with running(*state) as autopilot:
        call = Caller(autopilot)
        for batch in range(20):
            call.bulk(*({"Email": f"p{batch}.{number}@example.com"} for number in range(100)))
        autopilot.process.kill()
        autopilot.process.wait(20)
    with running(*state) as autopilot:
        call = Caller(autopilot)
        assert call.control("GET", f"/lists/{list_id}/emails").json() == ["a@example.com"]
        total = call.control("GET", "/state").json()["contacts"]
        assert 1 <= total <= 2_001
        assert call("GET", "/contacts").json()["total_contacts"] == total


def test_a_journal_full_of_old_entries_is_written_anew(tmp_path):
    path = tmp_path / "autopilot.sqlite"
    for title in ("one", "two", "three", "four"):
        with running("--state", path) as autopilot:
            call = Caller(autopilot)
            call.bulk(*({"Email": f"p{number}@example.com", "Title": title} for number in range(100)))
    with running("--state", path) as autopilot:
        call = Caller(autopilot)
        assert call.control("GET", "/state").json()["contacts"] == 100
        assert call.read("p99@example.com")["Title"] == "four"
    with sqlite3.connect(path) as database:
        entries = [len(json.loads(row)) for (row,) in database.execute("SELECT contacts FROM journal")]
    assert sum(entries) == 200


def test_a_file_that_is_no_state_is_told(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, and no database of any kind. " * 100)
    command = [sys.executable, "-m", "devkit.autopilot", "--state", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert result.returncode == 1
    assert result.stderr.startswith("autopilot cannot start:")
    assert path.read_text().startswith("These are notes")


def test_the_control_endpoints_need_no_key():
    with running() as autopilot:
        assert requests.get(f"{autopilot.url}/control/state", timeout=20).status_code == 200
