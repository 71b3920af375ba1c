"""`python -m devkit package`: what is deployed, as one zip in `dist/`, the same bytes for the same files.

Which files these are is said in `.funcignore` alone, which azd reads in the same way. By itself the zip is for a remote
build, which installs requirements.txt in Azure. `--with-dependencies` puts those in for networks that no build gets out
of: below `.python_packages/lib/site-packages`, where the Functions worker looks, with bytecode, since what is deployed
cannot be written to and would be compiled anew at each start.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from shared.version import VERSION

REPOSITORY = Path(__file__).parents[1]
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
MADE = {"portal/static/vendor/htmx.min.js": "`npm ci --prefix portal --no-ignore-scripts` puts it there"}
"""Files that are deployed, but not kept in the repository."""

_PACKAGES = ".python_packages/lib/site-packages"
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_BEGINNING_OF_ZIP = (1980, 1, 1, 0, 0, 0)


class PackageError(RuntimeError):
    """Something that is deployed is not there, or cannot be got."""


def find_deployed(root: Path) -> dict[str, Path]:
    """Return the files below a folder that its `.funcignore` lets through, by their names in the package.

    Raises PackageError when one is missing that it names, or that is made.
    """
    lines = (root / ".funcignore").read_text(encoding="utf-8").splitlines()
    for name in (line.removeprefix("!/") for line in lines if line.startswith("!/")):
        if not (root / name).exists():
            raise PackageError(f"{name} is missing, which .funcignore names.")
    for name, remedy in MADE.items():
        if not (root / name).exists():
            raise PackageError(f"{name} is missing: {remedy}.")
    return dict(_walk(root, "", GitIgnoreSpec.from_lines(lines)))


def _walk(folder: Path, prefix: str, ignored: GitIgnoreSpec) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}{'/' if path.is_dir() else ''}"
        if ignored.match_file(name):
            continue
        if path.is_dir():
            yield from _walk(path, name, ignored)
        else:
            yield name, path


def read_python(root: Path) -> str:
    """Return the Python that the app is deployed with unless somebody says otherwise. Raises PackageError."""
    bicep = root / "infra" / "main.bicep"
    found = re.search(
        r"^param pythonVersion string = '([0-9.]+)'", bicep.read_text(encoding="utf-8"), re.MULTILINE
    )
    if found is None:
        raise PackageError(f"{bicep} does not say which Python: give it with --python.")
    return found[1]


def install_dependencies(stage: Path, python: str) -> None:
    """Install what requirements.txt in `stage` pins, for a Python on Linux on x86-64. Raises PackageError."""
    if python != RUNNING and "3.13" in (python, RUNNING):
        # pip asks the running Python whether a line of requirements.txt is meant for it.
        raise PackageError(
            f"Packages for Python {python} cannot be chosen by Python {RUNNING}: make it with that."
        )
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={each}" for each in _PLATFORMS]
    command += [f"--target={stage / _PACKAGES}", "--requirement", str(stage / "requirements.txt")]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 (a command of our own, no shell)
        raise PackageError("pip could not get all packages; it says why above.")
    shutil.rmtree(stage / _PACKAGES / "bin", ignore_errors=True)


def compile_all(stage: Path, python: str) -> bool:
    """Write bytecode beside all sources, which is told from the source's content. False says that this Python is not
    here to do it."""
    interpreter = sys.executable if python == RUNNING else shutil.which(f"python{python}")
    if interpreter is None or not _runs(interpreter):
        return False
    # Not all of what packages bring along can be compiled, templates for instance: that is left as it is.
    command = [interpreter, "-m", "compileall", "-qq", "--invalidation-mode=checked-hash", "-s", str(stage)]
    subprocess.run([*command, str(stage)], check=False)  # noqa: S603 (a command of our own, no shell)
    return True


def _runs(interpreter: str) -> bool:
    # A version manager has a name on the PATH for each Python, also for those that are not installed.
    return subprocess.run([interpreter, "-V"], capture_output=True, check=False).returncode == 0  # noqa: S603 (no shell)


def write_zip(path: Path, files: Mapping[str, Path]) -> None:
    """Write a zip that depends on nothing but names and content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as package:
        for name, source in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _BEGINNING_OF_ZIP)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            package.writestr(entry, source.read_bytes(), zipfile.ZIP_DEFLATED)


def make(root: Path, folder: Path) -> Path:
    """Write the package for a remote build into a folder; return its path. Raises PackageError."""
    path = folder / f"segpilot-{VERSION}.zip"
    write_zip(path, find_deployed(root))
    return path


def assemble(root: Path, stage: Path, python: str) -> bool:
    """Put the app and its packages, which need no build, into a folder; return whether there is bytecode.

    Raises PackageError.
    """
    for name, source in find_deployed(root).items():
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, stage / name)
    install_dependencies(stage, python)
    return compile_all(stage, python)


def make_with_dependencies(root: Path, folder: Path, python: str) -> Path:
    """Write the package that needs no build into a folder; return its path. Raises PackageError."""
    path = folder / f"segpilot-{VERSION}-python{python}-linux-x86_64.zip"
    with tempfile.TemporaryDirectory() as name:
        stage = Path(name)
        if not assemble(root, stage, python):
            print(
                f"Without bytecode, since there is no Python {python} here: each start compiles everything."
            )
        write_zip(
            path, {each.relative_to(stage).as_posix(): each for each in stage.rglob("*") if each.is_file()}
        )
    return path


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m devkit package", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--with-dependencies", action="store_true", help="so that Azure has nothing to install"
    )
    parser.add_argument("--python", help="the Python of those; what infra/main.bicep says by itself")
    parser.add_argument("--to", type=Path, default=REPOSITORY / "dist", help="the folder for the zip")
    options = parser.parse_args(argv)
    try:
        if options.with_dependencies:
            path = make_with_dependencies(REPOSITORY, options.to, options.python or read_python(REPOSITORY))
        else:
            path = make(REPOSITORY, options.to)
    except PackageError as problem:
        print(f"There is no package: {problem}", file=sys.stderr)
        return 1
    with zipfile.ZipFile(path) as package:
        entries = package.infolist()
    unpacked_mb = sum(entry.file_size for entry in entries) / 1e6
    print(f"{path}: {len(entries)} files, {path.stat().st_size / 1e6:.1f} MB, unpacked {unpacked_mb:.1f} MB")
    return 0
