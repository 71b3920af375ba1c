"""The demonstration as a user sees it: one command, everything in its own process."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from devkit.autopilot.simulator import DEFAULT_KEY
from devkit.local.stack import REPOSITORY


@dataclass(frozen=True)
class Demo:
    """What it printed and the folder it left behind."""

    output: str
    state: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A demonstration that has ended well."""
    state = tmp_path_factory.mktemp("state")
    command = [sys.executable, "-m", "devkit", "demo", "--profiles", "1000", "--port", "0"]
    command += ["--state", str(state)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(done.stdout, state)


def test_everything_in_the_file_is_accounted_for(demo: Demo) -> None:
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in demo.output.splitlines() if "│" in line
    ]
    compared = {name: (expected, found) for name, expected, found in rows if expected}

    assert compared["people"] == ("970", "970")
    assert compared["on the list, says Autopilot"] == ("970", "970")
    assert {name for name, (expected, found) in compared.items() if expected != found} == set()


def test_the_api_key_is_in_no_file(demo: Demo) -> None:
    files = [path for path in demo.state.rglob("*") if path.is_file()]

    assert {"app.log", "secrets.json"} <= {path.name for path in files}
    assert [path for path in files if DEFAULT_KEY.encode() in path.read_bytes()] == []


def test_no_address_is_in_a_log(demo: Demo) -> None:
    logs = list((demo.state / "logs").iterdir())

    assert {path.stem for path in logs} == {"storage", "vault", "autopilot", "app", "turns"}
    assert [path for path in logs if b"@example." in path.read_bytes()] == []
