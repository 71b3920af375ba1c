"""The deployment package: what is in it, and that Segpilot runs from it alone."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import requests

from devkit.local.stack import LocalStack
from devkit.package import (
    MADE,
    RUNNING,
    PackageError,
    assemble,
    find_deployed,
    main,
    make,
    read_python,
)
from shared.version import VERSION
from tests.integration.running_host import REPOSITORY
from tests.integration.test_official_worker import (  # noqa: F401 (worker_python is a fixture)
    SEGPILOT,
    Worker,
    worker_python,
)
from tests.system.driver import Segpilot, make_people

FOLDERS = ("functions", "portal", "shared")
FILES = {"LICENSE", "constraints.txt", "function_app.py", "host.json", "requirements.txt"}
NOT_FROM_PORTAL = {"portal/package.json", "portal/package-lock.json", "portal/vendor.mjs"}

ALIEN = (
    ".azure/production/.env",
    ".env",
    ".github/workflows/ci.yml",
    ".venv/lib/python3.11/site-packages/functions/a.py",
    "Makefile",
    "bench/a.py",
    "customers.csv",
    "devkit/host/a.py",
    "devkit/shared/a.py",
    "dist/segpilot.zip",
    "docs/host.json",
    "infra/main.bicep",
    "local.settings.json",
    "requirements-dev.txt",
    "segpilot_env/lib/a.py",
    "tests/function_app.py",
    "tests/functions/a.py",
    *NOT_FROM_PORTAL,
)
TAKEN_ALONG = (
    "function_app.py.orig",
    "functions/__pycache__/a.cpython-311.pyc",
    "portal/node_modules/htmx.org/dist/htmx.js",
    "portal/pages/__pycache__/a.cpython-311.pyc",
)
"""Not deployed by azd, but by Core Tools."""

# Placed at the head of an unpacked function_app.py, so that it tells at its end what it used.
TELL = """
import atexit, json, sys
_opened = set()
sys.addaudithook(lambda event, about: event == "open" and isinstance(about[0], str) and _opened.add(about[0]))
@atexit.register
def _tell():
    modules = [str(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    with open({path!r}, "w") as file:
        json.dump({{"modules": modules, "opened": sorted(_opened)}}, file)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(REPOSITORY, tmp_path_factory.mktemp("dist"))


def unpack(package: Path, folder: Path) -> Path:
    with zipfile.ZipFile(package) as content:
        content.extractall(folder)
    return folder


def names(package: Path) -> set[str]:
    with zipfile.ZipFile(package) as content:
        return set(content.namelist())


def plant(root: Path, files: Iterable[str]) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def git(root: Path, *arguments: str) -> set[str]:
    command = ["git", "-c", "core.excludesFile=/dev/null", "-C", str(root), *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")) - {""}


def as_core_tools(ignore_file: str) -> Callable[[str], bool]:
    """Return whether Core Tools would deploy a path, from its rules: every line is a pattern of how a path begins and has
    to end at a word's end, `*` is one or more characters but "/", and no other character means anything. A path that a
    line with "!" fits is in, else one that another line fits is out.
    (Azure/azure-functions-core-tools, src/Cli/func/Common/GitIgnoreParser.cs at 4589f9f)"""
    lines = [line.strip() for line in ignore_file.splitlines() if line.strip() and not line.startswith("#")]

    def pattern(line: str) -> str:
        bare = re.escape(line.removeprefix("!").removeprefix("/"))
        return bare.replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)")

    def fits(path: str, *, kept: bool) -> bool:
        patterns = (pattern(line) for line in lines if line.startswith("!") is kept)
        return any(re.match(rf"({each})\b", path, re.ASCII) for each in patterns)

    return lambda path: fits(path, kept=True) or not fits(path, kept=False)


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A repository with all that is deployed, and everything that may lie beside it."""
    plant(tmp_path, [*find_deployed(REPOSITORY), *ALIEN, *TAKEN_ALONG])
    (tmp_path / ".funcignore").write_bytes((REPOSITORY / ".funcignore").read_bytes())
    return tmp_path


def test_the_package_is_what_the_repository_has_of_the_app_and_what_npm_brings(package: Path) -> None:
    kept = git(REPOSITORY, "ls-files", "-z", *FOLDERS) - NOT_FROM_PORTAL
    there = {name for name in kept if (REPOSITORY / name).exists()}
    new = git(REPOSITORY, "ls-files", "-z", "--others", "--exclude-standard", *FOLDERS)
    assert names(package) == FILES | there | new | set(MADE)


def test_the_same_files_make_the_same_bytes(package: Path, tmp_path: Path) -> None:
    copy = unpack(package, tmp_path / "copy")
    (copy / ".funcignore").write_bytes((REPOSITORY / ".funcignore").read_bytes())
    again = make(copy, tmp_path)
    assert (again.name, again.read_bytes()) == (f"segpilot-{VERSION}.zip", package.read_bytes())


def test_git_reads_the_ignore_file_as_the_package_does(crowded: Path) -> None:
    subprocess.run(["git", "init", "-q", str(crowded)], check=True)
    by_git = git(crowded, "ls-files", "-z", "--others", "--exclude-from=.funcignore")
    assert by_git == set(find_deployed(crowded)) == set(find_deployed(REPOSITORY))


def test_core_tools_deploys_the_same_but_for_what_the_ignore_file_says(crowded: Path) -> None:
    is_deployed = as_core_tools((crowded / ".funcignore").read_text())
    files = [path.relative_to(crowded).as_posix() for path in crowded.rglob("*") if path.is_file()]
    own = {".funcignore", "local.settings.json"}  # Core Tools never deploys these
    deployed = {name for name in files if is_deployed(name)} - own
    assert deployed == set(find_deployed(crowded)) | set(TAKEN_ALONG) | NOT_FROM_PORTAL


@pytest.mark.parametrize("name", [*sorted(FILES), *MADE])
def test_there_is_no_package_without_what_it_needs(crowded: Path, name: str) -> None:
    (crowded / name).unlink()
    with pytest.raises(PackageError, match=re.escape(name)):
        find_deployed(crowded)


def test_the_command_says_where_the_package_is_and_how_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--to", str(tmp_path)]) == 0
    [package] = tmp_path.iterdir()
    assert capsys.readouterr().out.startswith(f"{package}: {len(names(package))} files, 0.")


@pytest.fixture(scope="module")
def told(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the app used of its surroundings, started from the package alone, while it showed its pages in every language
    and exported a segment."""
    folder = tmp_path_factory.mktemp("deployed")
    app, path = unpack(package, folder / "app"), folder / "told.json"
    source = app / "function_app.py"
    source.write_text(TELL.format(path=str(path)) + source.read_text())
    settings = {
        "SEGMENTS_CONTAINER": "segments",
        "STATE_CONTAINER": "segpilot",
        "LOGS_CONTAINER": "segpilot-logs",
        "SETTLE_TIME_S": "1",
        "MAX_CALLS_PER_S": "0",
    }
    switches = {"bulk_list": "honoured"}
    with LocalStack(folder / "state", app=app, settings=settings, autopilot_switches=switches) as stack:
        used = {"app": app, "pages": show_pages(stack), "run": export(Segpilot(stack))}
    return {**used, **json.loads(path.read_text())}


def show_pages(stack: LocalStack) -> dict[str, int]:
    """Return the status of each page and of all that they load."""
    session = requests.Session()
    session.post(f"{stack.host_url}/.auth/login/dev", data={"who": "administrator"}, timeout=30)
    statuses = {}
    for language in ("en", "es", "ro"):
        for page in (
            "",
            "exports",
            "exports/new",
            "runs",
            "segments",
            "connections",
            "connections/new",
            "health",
        ):
            url = f"{stack.host_url}/portal/{page}"
            answer = session.get(url, headers={"Accept-Language": language}, timeout=30)
            statuses[f"{language} {page}"] = answer.status_code
            assert f'lang="{language}"' in answer.text
            for asset in set(re.findall(r'(?:href|src)="(/portal/static/[^"]+)"', answer.text)):
                statuses[asset] = session.get(stack.host_url + asset, timeout=30).status_code
    return statuses


def export(app: Segpilot) -> dict[str, Any]:
    people = make_people(range(300), "package")
    export_id = app.add_export("people")
    app.upload("people/people.csv", people.data)
    run = app.wait_for_run(export_id)
    assert set(app.simulator.members("people")) == people.emails
    return run


def test_the_portal_shows_itself_from_the_package_alone(told: dict[str, Any]) -> None:
    assert set(told["pages"].values()) == {200}
    assert any("htmx" in address for address in told["pages"])


def test_an_export_runs_from_the_package_alone(told: dict[str, Any]) -> None:
    assert (told["run"]["status"], told["run"]["counts"]["sent"]) == ("Successful", 300)


def test_the_app_uses_nothing_of_the_repository_but_the_package(told: dict[str, Any]) -> None:
    """The dev kit, which plays the host, and the packages of the virtual environment are there besides."""
    around = (str(REPOSITORY / "devkit"), sys.prefix)
    used = {*told["modules"], *told["opened"]}
    alien = {each for each in used if each.startswith(str(REPOSITORY)) and not each.startswith(around)}
    assert alien == set()
    own = [each for each in told["modules"] if each.startswith(str(told["app"]))]
    assert len(own) > 250


def test_the_worker_finds_every_function_in_the_package(
    package: Path,
    tmp_path: Path,
    worker_python: Path,  # noqa: F811
) -> None:
    outcome = Worker(worker_python, unpack(package, tmp_path), {"SEGMENTS_CONTAINER": "segments"}).run()
    assert "fault" not in outcome, outcome["fault"]
    assert set(outcome["functions"]) == set(SEGPILOT)


LOAD = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.python_packages/lib/site-packages"]
import function_app
specs = [module.__spec__ for module in list(sys.modules.values()) if getattr(module, "__spec__", None)]
files = {spec.origin: spec.cached for spec in specs if spec.has_location}
print(json.dumps([[each.get_function_name() for each in function_app.app.get_functions()], files]))
"""


def test_a_package_with_dependencies_needs_nothing_but_python(tmp_path: Path) -> None:
    app = tmp_path / "app"
    assert assemble(REPOSITORY, app, RUNNING)
    isolated = [sys.executable, "-I", "-S", "-B", "-c", LOAD, str(app)]
    loaded = subprocess.run(isolated, capture_output=True, text=True, check=True, cwd=tmp_path, env={})
    functions, files = json.loads(loaded.stdout)
    assert set(functions) == set(SEGPILOT)
    assert [each for each in files if not each.startswith((str(app), sys.base_prefix))] == []
    own = {file: bytecode for file, bytecode in files.items() if file.startswith(str(app))}
    assert len(own) > 500
    assert [file for file, bytecode in own.items() if bytecode and not Path(bytecode).exists()] == []


def test_packages_are_for_the_python_that_is_deployed() -> None:
    assert re.fullmatch(r"3\.1[1-9]", read_python(REPOSITORY))
