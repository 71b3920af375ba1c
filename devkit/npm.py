"""Programs from npm that tests and the dev kit run, pinned by `package.json` and `package-lock.json`.

They are installed the first time they are needed; that takes Node.js 20 or newer with npm.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path


class NpmError(RuntimeError):
    """There is no Node.js with npm, or npm failed."""


def ensure_installed(folder: Path, package: str) -> Path:
    """Install what `folder` pins unless it is there; return the folder of one of its packages.

    Safe to call from several processes at once. Raises NpmError.
    """
    modules = folder / "node_modules"
    if (modules / package / "package.json").exists():
        return modules / package
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError("Node.js with npm has to be on the PATH.")
    # Installed aside and moved into place in one step, so that nobody ever sees half of it.
    with tempfile.TemporaryDirectory(dir=folder, prefix="node_modules.") as aside:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, aside)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=aside, capture_output=True, text=True, check=False)  # noqa: S603 (a command of our own, no shell)
        if done.returncode != 0:
            raise NpmError(f"npm ci failed with exit code {done.returncode}:\n{done.stderr}")
        try:
            (Path(aside) / "node_modules").rename(modules)
        except OSError:
            if not (modules / package / "package.json").exists():
                raise
    return modules / package
