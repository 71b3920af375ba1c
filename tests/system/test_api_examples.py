"""docs/api.md: every example is run, in order, and answers what stands below it."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.driver import Json, Segpilot

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "\x1e"
PRELUDE = """
set -euo pipefail
az() { # what `az storage blob upload` does, with the local storage
  while [ $# -gt 0 ]; do case "$1" in --name) name=$2; shift;; --file) file=$2; shift;; esac; shift; done
  "$PYTHON" -c 'import sys
from azure.storage.blob import BlobServiceClient
service = BlobServiceClient.from_connection_string(sys.argv[1])
with open(sys.argv[3], "rb") as file:
    service.get_blob_client("segments", sys.argv[2]).upload_blob(file, overwrite=True)' "$STORAGE" "$name" "$file"
}
"""


@dataclass(frozen=True)
class Example:
    """A command, and what it answers: a part of it, in which "…" stands for anything."""

    command: str
    expected: object | None


def read_examples() -> list[Example]:
    examples: list[Example] = []
    for kind, text in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")):
        if kind == "sh":
            examples.append(Example(text, None))
        else:
            assert examples[-1].expected is None, "two answers to one command"
            examples[-1] = Example(examples[-1].command, json.loads(text))
    return examples


def fits(actual: object, expected: object) -> bool:
    """Tell whether an answer has at least what is expected of it."""
    if isinstance(expected, str) and expected.endswith("…"):
        return str(actual).startswith(expected[:-1])
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and fits(actual[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        wanted = [each for each in expected if each != "…"]
        return (
            isinstance(actual, list)
            and (len(actual) == len(wanted) or "…" in expected)
            and all(any(fits(each, one) for each in actual) for one in wanted)
        )
    return actual == expected


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return read_examples()


def test_the_examples_do_what_the_page_says(app: Segpilot, examples: list[Example], tmp_path: Path) -> None:
    script = PRELUDE + "".join(f"{example.command}\nprintf '{MARK}'\n" for example in examples)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHON": sys.executable,
        "SEGPILOT": app.stack.host_url,
        "KEY": app.stack.function_key,
        "AUTOPILOT_KEY": app.stack.autopilot_key,
        "STORAGE": app.stack.connection_string,
        "ACCOUNT": "devstoreaccount1",
        "NO_PROXY": "127.0.0.1",
    }
    run = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    answers = run.stdout.split(MARK)
    assert run.returncode == 0, f"{run.stderr}\nafter: {answers[-1]}"
    assert len(answers) == len(examples) + 1
    for example, answer in zip(examples, answers, strict=False):
        if example.expected is not None:
            actual: Json = json.loads(answer)
            assert fits(actual, example.expected), (
                f"{example.command}\nanswered: {json.dumps(actual, indent=1)}"
            )


def test_a_part_of_an_answer_is_recognised_and_a_wrong_one_is_not() -> None:
    answer = {"id": "run-1", "counts": {"sent": 3}, "list": [{"a": 1}, {"a": 2}]}
    assert fits(answer, {"id": "run-…", "counts": {"sent": 3}})
    assert fits(answer, {"list": [{"a": 2}, "…"]})
    assert not fits(answer, {"list": [{"a": 2}]})
    assert not fits(answer, {"counts": {"sent": 4}})
    assert not fits(answer, {"missing": "…"})
