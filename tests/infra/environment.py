"""The environment of the checks of infra/: parsers, checkov and Microsoft's models of resources, in `.venv-infra`.

It is made once, beside the checkout's own, and made anew when `requirements.txt` changes.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / ".venv-infra"
PINS = Path(__file__).with_name("requirements.txt")


def make_environment(folder: Path = FOLDER, pins: Path = PINS) -> Path:
    """The folder of programs of the environment; raises RuntimeError when it cannot be installed."""
    wanted = hashlib.sha256(f"{pins.read_text()}\n{sys.version}".encode()).hexdigest()
    home, stamp = folder / "venv", folder / "stamp"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(home, ignore_errors=True)
            stamp.unlink(missing_ok=True)
            venv.create(home, with_pip=True)
            _install(home, pins)
            stamp.write_text(wanted)
    return home / "bin"


def _install(home: Path, pins: Path) -> None:
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", str(pins)]
    done = subprocess.run(
        [str(home / "bin" / "python"), "-m", "pip", *install],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            "The checks of infra/ need packages from PyPI, which could not be installed (is there a network?). "
            f"They are listed in {pins}. pip said:\n{done.stderr[-2000:]}"
        )
