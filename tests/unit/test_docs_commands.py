"""Commands, requests and examples of the documentation are such as there are.

Whether a command does what a page says is for other tests: `tests/system/test_api_examples.py` runs docs/api.md, `tests/e2e` what guides tell
to do in the portal. Azure's programs are not installed where these tests run: their commands and options are those of
`docs_commands.json`, which says where they come from.
"""

import ast
import json
import re
import subprocess
from collections.abc import Iterator

import orjson
import pytest
import yaml

from devkit.__main__ import COMMANDS
from functions import api
from functions.openapi import openapi_document
from tests.unit.docs_pages import PAGES, ROOT, Block, Page, commands_of, is_shell

KNOWN = json.loads((ROOT / "tests" / "unit" / "docs_commands.json").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = {
    name for line in re.findall(r"^([a-z][a-z -]*):(?!=)", MAKEFILE, re.MULTILINE) for name in line.split()
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OF_OTHERS = {"docs/autopilot.md", "devkit/autopilot/README.md", "docs/capacity.md"}
"""Pages about Autopilot's requests, not about ours."""


def read_operations() -> dict[tuple[str, str], re.Pattern[str]]:
    """Return a pattern for each operation, by method and path without `/api`."""
    paths = json.loads(orjson.dumps(openapi_document(api.operations.declared, "0")))["paths"]
    found = {}
    for path, item in paths.items():
        short = path.removeprefix("/api")
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(short)))
        found |= {(method.upper(), short): pattern for method in item if method.upper() in METHODS}
    return found


OPERATIONS = read_operations()


def find_unknown_targets(page: Page) -> list[str]:
    """Return the `make` commands of a page with a target, or a variable, that there is none of."""
    unknown = []
    for command in commands_of(page):
        for each in re.findall(r"(?:^|[;&|(] *|[A-Z_]+=\S+ )make((?: [\w./=*\"'…$-]+)*)", command):
            words = [word for word in each.split() if word not in ("…", "·")]
            names = [word for word in words if "=" not in word and re.fullmatch(r"[a-z-]+", word)]
            values = [word.partition("=")[0] for word in words if "=" in word]
            wrong = [name for name in names[:1] if name not in TARGETS]
            wrong += [name for name in values if not takes_variable(name)]
            unknown += [f"make{each}: {name}" for name in wrong]
    return unknown


def takes_variable(name: str) -> bool:
    """Tell whether the Makefile, or what it starts, reads a variable."""
    if re.search(rf"\$\([^)]*\b{name}\b|^{name} \?=", MAKEFILE, re.MULTILINE):
        return True
    programs = [*ROOT.glob("devkit/**/*.py"), *ROOT.glob("tests/soak/*.py"), *ROOT.glob("tests/fuzz/*.py")]
    return any(
        f'"{name}"' in path.read_text(encoding="utf-8")
        for path in programs
        if "node_modules" not in path.parts
    )


def find_broken_blocks(page: Page) -> list[str]:
    """Return what is wrong with the blocks of a page that are for a shell, or JSON, YAML or Python."""
    return [
        f"{block.text[:60]!r}: {fault}" for block in page.blocks for fault in [find_fault(block)] if fault
    ]


def find_fault(block: Block) -> str:
    try:
        if is_shell(block):
            done = subprocess.run(
                ["bash", "-n"], input=block.text, capture_output=True, text=True, timeout=10
            )
            return done.stderr
        if block.language == "json":
            read_json(block.text)
        elif block.language in ("yaml", "yml"):
            list(yaml.safe_load_all(block.text))
        elif block.language == "python":
            ast.parse(block.text)
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        return str(error)
    return ""


def read_json(text: str) -> None:
    """Read a document, or lines of documents. Raises ValueError."""
    try:
        json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line]
        if len(lines) < 2 or not all(line.startswith("{") and line.endswith("}") for line in lines):
            raise
        for line in lines:
            json.loads(line)


def requests_of(page: Page) -> Iterator[tuple[str, str]]:
    """Give method and path of each request that a page shows: by curl, in a line of HTTP, or in backticks."""
    for command in commands_of(page):
        for arguments in re.findall(r"\bcurl\b([^|;]*)", re.sub(r"\$\(|\)", " ", command)):
            if path := re.search(r"(?:\$\{?\w+\}?|https?://[^\s/\"]+)/api(/[^\s\"'?]*)", arguments):
                method = re.search(r"(?:-X|--request) (\w+)", arguments)
                body = re.search(r" (?:-d|--data\S*|--json) ", arguments)
                yield method[1] if method else "POST" if body else "GET", path[1]
        for method, path in re.findall(rf"^({'|'.join(METHODS)}) (/?[^\s?]+|…[^\s?]+)", command):
            yield method, path
    for block in page.blocks:
        for method, path in re.findall(rf"^({'|'.join(METHODS)}) +(/[^\s?]+)", block.text, re.MULTILINE):
            yield method, path


def find_unknown_requests(page: Page) -> list[str]:
    # `$2` stands in functions of a shell, for whatever they are called with; the host has paths of its own.
    passed_over = re.compile(r"/(?:runtime|admin)/|.*\$\{?\d")
    told = [(method, path) for method, path in requests_of(page) if not passed_over.match(path)]
    return [f"{method} {path}" for method, path in told if not is_operation(method, path)]


def is_operation(method: str, path: str) -> bool:
    """Tell whether the OpenAPI document has a request. `…` at its beginning or end stands for what is told elsewhere."""
    path = re.sub(r"^/?api(/signed-in)?(?=/)|^(?=\w)", "", path)
    mine = [(short, pattern) for (verb, short), pattern in OPERATIONS.items() if verb == method]
    if path.startswith("…"):
        return any(pattern.pattern.endswith(re.escape(path[1:])) for _, pattern in mine)
    path = path if path.startswith("/") else f"/{path}"
    if path.endswith("/…"):
        return any(re.match(pattern.pattern.split("[^/]+")[0], path) for _, pattern in mine)
    return any(pattern.fullmatch(path.rstrip("/")) for _, pattern in mine)


def calls_of(text: str, program: str) -> Iterator[tuple[list[str], set[str]]]:
    """Give words and options of each call of a program in a command."""
    plain = re.sub(r"'[^']*'", "Q", text.replace('"$(', "$("))
    plain = re.sub(r'"[^"]*"', "Q", plain)
    # `x=$(az …)`, `until az …`, `a && az …`
    for arguments in re.findall(rf"(?:^|[\s;&|(]){program} ([^|;&)\n#]*)", plain):
        before = re.split(r"\s--?[a-zA-Z]", f" {arguments}")[0].split()
        words = [word for word in before if re.fullmatch(r"[a-z][a-z0-9-]*", word)]
        yield words, set(re.findall(r"(?<=\s)--?[a-zA-Z][\w-]*", f" {arguments}"))


def find_unknown_calls(page: Page) -> list[str]:
    """Return the calls of Azure's programs with a command or an option that there is none of."""
    return [
        fault
        for command in commands_of(page)
        for program in ("az", "azd", "func")
        if re.match(rf"(?:.*[\s;&|(])?{program} [a-z]", command)
        for words, options in calls_of(command, program)
        for fault in find_call_faults(program, words, options)
    ]


def find_call_faults(program: str, words: list[str], options: set[str]) -> list[str]:
    known = KNOWN[program]
    length = next((n for n in range(len(words), 0, -1) if " ".join(words[:n]) in known["commands"]), 0)
    if not length:
        return [f"{program} {' '.join(words)}"]
    name = " ".join(words[:length])
    if program == "az" and length < len(words):
        return [f"az {' '.join(words)}"]
    unknown = options - set(known["commands"][name]) - set(known["everywhere"])
    return [f"{program} {name} {option}" for option in sorted(unknown)]


def find_unknown_modules(page: Page) -> list[str]:
    """Return the modules of ours, and the commands of the dev kit, that a page calls and that there are none of."""
    unknown = []
    for command in commands_of(page):
        for name in re.findall(r"python3? -m devkit ([a-z]\w*)", command):
            unknown += [] if name in COMMANDS else [f"devkit {name}"]
        for name in re.findall(r"python3? -m ((?:devkit|bench|tests)\.[\w.]+)", command):
            path = ROOT / name.replace(".", "/")
            unknown += [] if path.is_dir() or path.with_suffix(".py").exists() else [name]
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_make_command_has_a_target_and_takes_its_variables(page: Page) -> None:
    assert find_unknown_targets(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_block_can_be_read_by_what_it_is_for(page: Page) -> None:
    assert find_broken_blocks(page) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.path not in OF_OTHERS], ids=lambda page: page.path
)
def test_every_request_is_an_operation_of_the_api(page: Page) -> None:
    assert find_unknown_requests(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_call_of_azures_programs_has_commands_and_options_that_there_are(page: Page) -> None:
    assert find_unknown_calls(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_module_that_is_called_is_there(page: Page) -> None:
    assert find_unknown_modules(page) == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (find_unknown_targets, "```\nmake demmo\n```"),
        (find_unknown_targets, "`make demo NO_SUCH_THING=1`"),
        (find_broken_blocks, "```sh\nif true; then echo\n```"),
        (find_broken_blocks, "```\nmake demo && (\n```"),
        (find_broken_blocks, '```json\n{"a": }\n```'),
        (find_broken_blocks, "```yaml\na: [1\n```"),
        (find_broken_blocks, "```python\ndef\n```"),
        (find_unknown_requests, "```sh\ncurl -s $APP/api/conections\n```"),
        (find_unknown_requests, "```sh\ncurl -s -X PATCH $APP/api/exports/EXPORT_ID/runs -d '{}'\n```"),
        (find_unknown_requests, "`POST /api/exports/{id}/run`"),
        (find_unknown_requests, "`POST …/alerts/test`"),
        (find_unknown_requests, "```http\nPUT /api/segments\n{}\n```"),
        (find_unknown_calls, "`az storage blob uplaod --file x`"),
        (find_unknown_calls, "```sh\nKEY=$(az functionapp keys list --resource-groop x)\n```"),
        (find_unknown_calls, "`azd provide`"),
        (find_unknown_calls, "`azd up --dry`"),
        (find_unknown_calls, "`func begin`"),
        (find_unknown_modules, "`python -m devkit dmeo`"),
        (find_unknown_modules, "```\n.venv/bin/python -m bench.nothing\n```"),
    ],
)
def test_what_is_wrong_is_noticed(check, text: str) -> None:
    assert check(Page("README.md", f"{text}\n")) != []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (
            find_unknown_targets,
            "```\nmake demo SEGMENT=a.csv KEEP=/tmp/x   # once\nAUTOPILOT_URL=x make demo\n```",
        ),
        (find_unknown_targets, "`make soak SEED=3`"),
        (
            find_broken_blocks,
            '```json\n{"a": ["…"]}\n```\n\n```\nmake demo   # (not a bracket that opens\n```',
        ),
        (find_unknown_requests, "`GET /api/runs/{id}`, `DELETE …/export-user`, `POST /exports/{id}/runs`"),
        (
            find_unknown_requests,
            "```sh\ncurl -s $APP/api/exports -d '{}'\ncurl -s -X POST $APP/api/runs/$RUN/cancel\n```",
        ),
        (
            find_unknown_calls,
            '```sh\nKEY="$(az functionapp keys list --resource-group "$G" -n x --query \'a|b\' -o tsv)"\n```',
        ),
        (find_unknown_calls, "`azd env set NAME VALUE`, `azd up`, `func start --port 7071`, `az login`"),
    ],
)
def test_what_is_right_is_let_through(check, text: str) -> None:
    assert check(Page("README.md", f"{text}\n")) == []
