"""What is emitted, how often, and that docs/telemetry.md says it."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.otlp_receiver import OtlpReceiver
from tests.unit.test_imports import MODULES, ROOT, imported_by, is_within

DOCUMENT = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
SOURCE = ROOT / "shared" / "telemetry.py"
UNITS = {"{profile}": "people", "{call}": "calls", "{call}/s": "calls/s", "{run}": "runs", "s": "s"}
"""What the document calls the units, which are annotations of UCUM in the code."""


@pytest.fixture(scope="module")
def scenes() -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.unit.telemetry_scenes"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_is_counted_once_however_often_it_is_finished(scenes: dict[str, Any]) -> None:
    counted = scenes["twice"]["counted"]
    assert scenes["twice"]["counts"]["sent"] == 3
    assert counted["segpilot.profiles.sent"] == [[{}, 3]]
    assert counted["segpilot.profiles.rejected"] == [[{"reason": "email_no_at_sign"}, 1]]
    ended = {"status": "Successful with rejects", "trigger": "on demand", "failure": ""}
    assert counted["segpilot.runs.ended"] == [[ended, 1]]
    assert [point[1][0] for point in counted["segpilot.run.duration"]] == [1]


def test_a_run_and_its_batches_are_in_the_trace_of_its_caller(scenes: dict[str, Any]) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    assert scenes["twice"]["trace_id"] == trace_id
    assert scenes["twice"]["batches"] == [["send batch", trace_id]]


def test_a_dry_run_is_not_counted(scenes: dict[str, Any]) -> None:
    assert scenes["dry"] == {}


def test_the_time_since_the_upload_is_noted_once(scenes: dict[str, Any]) -> None:
    assert scenes["waiting"]["segpilot.arrival.lag"] == [[{}, [1, 90.0]]]


def test_each_call_has_one_outcome(scenes: dict[str, Any]) -> None:
    calls = scenes["calls"]["segpilot.calls"]
    assert {point[0]["outcome"]: point[1] for point in calls} == {
        "ok": 2,
        "refused": 1,
        "failed": 1,
        "throttled": 1,
    }
    assert scenes["calls"]["segpilot.calls.throttled"] == [[{}, 1]]
    assert scenes["calls"]["segpilot.pace"] == [[{}, 5.0]]


def test_a_span_tells_codes_and_numbers_but_no_message_and_nobody(scenes: dict[str, Any]) -> None:
    about = {"segpilot.segment": "of a***@example.com", "segpilot.chunk": 3, "segpilot.sent": 2}
    assert scenes["blocks"] == [
        [about, "UNSET", None, 0],
        [{**about, "segpilot.failure": "nobody"}, "ERROR", "nobody", 0],
        [{**about, "segpilot.failure": "ValueError"}, "ERROR", "ValueError", 0],
    ]


def test_only_one_module_knows_opentelemetry_and_none_knows_an_sdk() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if any(is_within(name, "opentelemetry") for name in imported_by(path))
    }
    assert knowing == {"shared/telemetry.py"}
    sdk = ("opentelemetry.sdk", "opentelemetry.exporter", "azure.monitor")
    assert [name for name in imported_by(SOURCE) if is_within(name, *sdk)] == []


def test_the_document_lists_every_metric_with_its_unit() -> None:
    assert metrics_in_the_document() == {
        name: (kind, UNITS[unit]) for kind, name, unit in metrics_in_the_code()
    }


def test_the_document_lists_every_span_and_every_attribute() -> None:
    spans = set(re.findall(r"^\| `([a-z ]+)` \|", section("Spans"), re.M))
    assert spans == set(spans_in_the_code())
    attributes = set(re.findall(r"^\| `(segpilot\.[a-z.]+)` \|", section("Attributes"), re.M))
    assert attributes == set(attributes_in_the_code())


def test_the_document_shows_how_to_send_it_elsewhere() -> None:
    [code] = re.findall(r"```python\n(.*?)```", section("Other back ends"), re.S)
    emit = """
from shared import telemetry
with telemetry.span("push chunk", {}):
    telemetry.count_call("connection-1", "throttled")
spans.shutdown()
metrics.get_meter_provider().shutdown()
"""
    with OtlpReceiver() as receiver:
        subprocess.run(
            [sys.executable, "-c", code + emit],
            cwd=ROOT,
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
            check=True,
            timeout=60,
        )
        assert [span.name for span in receiver.spans] == ["push chunk"]
        assert receiver.total("segpilot.calls.throttled") == 1


def section(title: str) -> str:
    return DOCUMENT.partition(f"## {title}\n")[2].partition("\n## ")[0]


def metrics_in_the_document() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `(segpilot\.[a-z.]+)` \| ([a-z]+) \| ([^|]+) \|", section("Metrics"), re.M)
    return {name: (kind, unit) for name, kind, unit in rows}


def metrics_in_the_code() -> Iterator[tuple[str, str, str]]:
    for call in calls_in(SOURCE):
        if isinstance(call.func, ast.Attribute) and call.func.attr.startswith("create_"):
            name, unit = (each for each in call.args if isinstance(each, ast.Constant))
            kind = call.func.attr.removeprefix("create_").removeprefix("observable_")
            yield kind, ast.literal_eval(name), ast.literal_eval(unit)


def spans_in_the_code() -> Iterator[str]:
    for path in MODULES:
        for call in calls_in(path):
            name = ast.unparse(call.func)
            if name in ("telemetry.span", "_answer") and isinstance(call.args[0], ast.Constant):
                yield str(call.args[0].value)


def attributes_in_the_code() -> Iterator[str]:
    yield from re.findall(r'"(segpilot\.(?:[a-z]+\.id|segment|chunk|batch|failure))"', SOURCE.read_text())
    for path in MODULES:
        for call in calls_in(path):
            if ast.unparse(call.func) == "mark.tell":
                yield from (f"segpilot.{keyword.arg}" for keyword in call.keywords)


def calls_in(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
