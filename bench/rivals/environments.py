"""Where contenders find what they need: an environment for each below .segpilot/bench, made once for its pinned list."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

RIVALS = Path(__file__).parent
_MADE = RIVALS.parents[1] / ".segpilot" / "bench"
_PATIENCE_S = 900


class NotInstallable(Exception):
    """The packages of a contender cannot be had here; says why."""


def python_of(name: str) -> str:
    """Return the interpreter of a contender's environment. Raises NotInstallable."""
    wanted = RIVALS / name / "requirements.txt"
    folder = _folder(name, wanted)
    python = folder / "bin" / "python"
    if not _is_made(folder):
        _run([sys.executable, "-m", "venv", str(folder)])
        options = ["--quiet", "--disable-pip-version-check"]
        _run([str(python), "-m", "pip", "install", *options, "-r", str(wanted)])
        _note_made(folder)
    return str(python)


def modules_of(name: str) -> str:
    """Return the folder with the Node modules of a contender. Raises NotInstallable."""
    wanted = RIVALS / name / "package-lock.json"
    folder = _folder(name, wanted)
    if not _is_made(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in (wanted, wanted.with_name("package.json")):
            shutil.copy(file, folder)
        _run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)])
        _note_made(folder)
    return str(folder / "node_modules")


def _folder(name: str, wanted: Path) -> Path:
    return _MADE / f"{name}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:8]}"


def _is_made(folder: Path) -> bool:
    return (folder / "made").exists()


def _note_made(folder: Path) -> None:
    (folder / "made").touch()


def _run(command: list[str]) -> None:
    print(">", " ".join(command), file=sys.stderr, flush=True)
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE_S)
    except subprocess.CalledProcessError as problem:
        said = [line for line in (problem.stderr + problem.stdout).splitlines() if line.strip()]
        raise NotInstallable(said[-1] if said else str(problem)) from None
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotInstallable(str(problem)) from None
