"""The OpenAPI document tells the truth: whatever is sent, the local host answers as documented, and never breaks down.

``CONTRACT_EXAMPLES=100`` asks longer than `make test` does, and in sequences of calls, too.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.local.stack import LocalStack
from tests.system.driver import Segpilot
from tests.system.test_access_matrix import World, build_world

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "5"))
IS_LONG = EXAMPLES > 5
TIMEOUT_S = 3_000 if IS_LONG else 280
TAKING_AWAY = ("remove_segment", "remove_export", "remove_connection", "remove_connection_in_use")
"""Operations after which the others would only find that nothing is there."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own: generated requests change what they like."""
    settings = {"SETTLE_TIME_S": "1", "MAX_CALLS_PER_S": "0"}
    with LocalStack(tmp_path_factory.mktemp("contract"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> World:
    return build_world(Segpilot(stack), "shared")


def write_configuration(path: Path, world: World) -> Path:
    """Let generated requests find things that exist."""
    known = {
        "^/connections/": world.connection,
        "^/exports/.id": world.export,
        "^/runs/.id": world.dry_run,
        "^/erasures/.id": world.erasure,
    }
    operations = "".join(
        f'[[operations]]\ninclude-path-regex = "{pattern}"\nparameters = {{ "path.id" = "{value}" }}\n'
        for pattern, value in known.items()
    )
    path.write_text(f'[parameters]\n"path.name" = "{world.segment}"\n{operations}', encoding="utf-8")
    return path


@pytest.mark.timeout(TIMEOUT_S + 20)
@pytest.mark.parametrize(
    "selection", ["--exclude-operation-id", "--include-operation-id"], ids=["all", "last"]
)
def test_every_answer_is_a_documented_one(
    stack: LocalStack, world: World, tmp_path: Path, selection: str
) -> None:
    command = [
        str(Path(sys.executable).with_name("st")),
        f"--config-file={write_configuration(tmp_path / 'schemathesis.toml', world)}",
        "run",
        f"{stack.host_url}/api/openapi.json",
        f"--url={stack.host_url}/api",
        f"--header=x-functions-key:{stack.function_key}",
        f"--phases=coverage,fuzzing{',stateful' if IS_LONG else ''}",
        f"--max-examples={EXAMPLES}",
        "--generation-deterministic",
        "--continue-on-failure",
        f"--checks={CHECKS}",
        *(f"{selection}={name}" for name in TAKING_AWAY),
    ]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment, cwd=tmp_path
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    generated = re.search(r"([\d,]+) generated, ([\d,]+) passed", run.stdout)
    assert generated
    assert generated[1] == generated[2]
