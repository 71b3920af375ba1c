"""`python -m devkit browser` takes a Chromium that runs, and says aloud when there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devkit.local.stack import REPOSITORY


def run_browser_command(programs: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing on the PATH but `programs`, and nowhere to download anything from."""
    nowhere = {"PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9", "PLAYWRIGHT_BROWSERS_PATH": str(programs)}
    return subprocess.run(
        [sys.executable, "-m", "devkit", "browser"],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": str(programs), "CI": "", **nowhere, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def put_program(folder: Path, name: str, *, exit_code: int) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\nexit {exit_code}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_the_first_chromium_that_runs_is_taken(tmp_path: Path) -> None:
    put_program(tmp_path, "chromium", exit_code=1)  # says how to install the real one
    runs = put_program(tmp_path, "google-chrome", exit_code=0)

    done = run_browser_command(tmp_path)

    assert done.returncode == 0
    assert done.stdout.split() == ["browser", str(runs)]


def test_where_none_can_be_had_it_says_in_one_line_that_tests_are_skipped(tmp_path: Path) -> None:
    done = run_browser_command(tmp_path)

    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert line.startswith("!!! NO CHROMIUM")
    assert line.endswith("BROWSER TESTS ARE SKIPPED.")


@pytest.mark.parametrize("told", ["true", "1"])
def test_continuous_integration_never_skips(tmp_path: Path, told: str) -> None:
    done = run_browser_command(tmp_path, CI=told)

    assert done.returncode == 1
    assert done.stderr.startswith("!!! NO CHROMIUM")
