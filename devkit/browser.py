"""A Chromium for the browser tests and the screenshots: one that is on the machine, else one that can be had.

`python -m devkit browser` makes sure that there is one. Where none can be had it says so in one line and
ends well, unless `CI=true`: there, a test that did not run must not look like one that passed.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "NO CHROMIUM on this machine, and none could be installed:"
# Quiet: nothing is asked of any host but the one under test, whatever the build would like to tell its maker.
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_INSTALL_TIMEOUT_S = 900


def find_chromium() -> Path | None:
    """Return the program of a Chromium that runs: one on the PATH, else the build of Playwright; None without."""
    on_path = [Path(found) for name in NAMES if (found := shutil.which(name))]
    # Some distributions put a script of this name there that only tells how to install the real thing.
    return next((program for program in on_path if _runs(program)), None) or _find_build()


def launch(playwright: Playwright, program: Path) -> Browser:
    """Start the Chromium without a window, with a new empty profile."""
    as_root = ["--no-sandbox"] if _is_root() else []  # its sandbox does not work for root
    return playwright.chromium.launch(executable_path=program, args=[*FLAGS, *as_root])


def must_not_skip() -> bool:
    """Tell whether this is a run of continuous integration, in which browser tests fail instead of being skipped."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def main(argv: Sequence[str]) -> int:
    """Make sure that there is a Chromium; return the exit code."""
    argparse.ArgumentParser(prog="python -m devkit browser", description=__doc__).parse_args(argv)
    program = find_chromium()
    for install in (_install_package, _install_build):
        if program is None and install():
            program = find_chromium()
    if program is not None:
        print(f"browser    {program}")
        return 0
    if must_not_skip():
        print(f"!!! {MISSING} the browser tests cannot run.", file=sys.stderr)
        return 1
    print(f"!!! {MISSING} BROWSER TESTS ARE SKIPPED.", file=sys.stderr)
    return 0


def _runs(program: Path) -> bool:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False)  # noqa: S603 (a browser that was found here)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _find_build() -> Path | None:
    with sync_playwright() as playwright:
        program = Path(playwright.chromium.executable_path)
    return program if program.exists() and _runs(program) else None


def _install_package() -> bool:
    """Install the package of Debian and its relatives where that is allowed."""
    apt = shutil.which("apt-get")
    if apt is None or not _is_root():
        return False
    # A failed update of one source leaves the others usable, so its outcome does not count.
    _run([apt, "update", "-qq"])
    return _run([apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"])


def _install_build() -> bool:
    return _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(command: Sequence[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 (a command of our own, no shell)
            command, env=environment, capture_output=True, timeout=_INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
