"""Plays scenes with an SDK in the process and prints what came of them: `python -m tests.unit.telemetry_scenes`.

An SDK can be set once in a process, so that these have one of their own.
"""

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import telemetry
from shared.domain.destination import Stopped
from shared.domain.errors import Refused
from shared.domain.run import Run, Trigger
from shared.pipeline.pushing.pacing import PaceBook, RunPacer
from shared.pipeline.steps.begin import begin
from shared.pipeline.steps.finish import FinishTask, finish
from tests.fakes_stores import MemoryStores
from tests.unit.plant import Plant, people

SPANS, READER = InMemorySpanExporter(), InMemoryMetricReader()
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def play_a_run_that_is_finished_twice() -> Any:
    plant = Plant()
    plant.arrive("vip", *people(3), "no address")
    run_id = plant.order()
    with telemetry.continued(PARENT, None):
        ended = plant.run_to_end(run_id)
        finish(plant.context, FinishTask(run_id=run_id, complete=True))
    return {
        "counted": read_metrics(),
        "counts": ended.counts.model_dump(),
        "trace_id": plant.run_of(run_id).trace_id,
        "batches": [(span.name, f"{span.context.trace_id:032x}") for span in take_spans()],
    }


def play_a_dry_run() -> Any:
    plant = Plant()
    plant.arrive("vip", *people(3), "no address")
    run_id = plant.order(dry=True)
    finish(plant.context, FinishTask(run_id=run_id, staged=plant.stage_all(run_id), complete=True))
    return read_metrics()


def play_a_run_that_waits_and_begins_twice() -> Any:
    plant = Plant()
    plant.arrive("vip", *people(3))
    run_id = plant.order()
    plant.stores.runs.change(run_id, as_upload)
    plant.clock.now += timedelta(seconds=90)
    begin(plant.context, run_id)
    begin(plant.context, run_id)
    return read_metrics()


def as_upload(run: Run) -> Run:
    return run.model_copy(update={"trigger": Trigger.UPLOAD})


def play_calls() -> Any:
    pacer = RunPacer(PaceBook(MemoryStores().paces).of("connection-1"), 5.0, lambda: False)
    pacer.wait()
    for tell in (pacer.succeeded, pacer.succeeded, pacer.refused, pacer.failed):
        tell()
    pacer.throttled(None)
    return read_metrics()


def play_blocks() -> Any:
    def stop() -> None:
        raise Stopped

    def be_refused() -> None:
        raise Refused("ada@example.com was refused", code="nobody")

    def break_down() -> None:
        raise ValueError("ada@example.com")

    for block in (stop, be_refused, break_down):
        play_block(block)
    return [describe(span) for span in take_spans()]


def play_block(block: Callable[[], None]) -> None:
    about = {telemetry.SEGMENT: "of ada@example.com", telemetry.CHUNK: 3}
    with contextlib.suppress(Stopped, Refused, ValueError), telemetry.span("block", about) as mark:
        mark.tell(sent=2, refused=0)
        block()


def describe(span: ReadableSpan) -> Any:
    attributes = dict(span.attributes or {})
    return [attributes, span.status.status_code.name, span.status.description, len(span.events)]


def take_spans() -> tuple[ReadableSpan, ...]:
    """Return the spans since the last time."""
    spans = SPANS.get_finished_spans()
    SPANS.clear()
    return spans


def read_metrics() -> dict[str, Any]:
    """Return all points since the beginning, as [attributes without ids, value or count and sum]."""
    data = READER.get_metrics_data()
    found: dict[str, Any] = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found[metric.name] = [read_point(point) for point in metric.data.data_points]
    return found


def read_point(point: Any) -> Any:
    about = {name: value for name, value in point.attributes.items() if not name.endswith(".id")}
    return [about, point.value if hasattr(point, "value") else [point.count, point.sum]]


if __name__ == "__main__":
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(SPANS))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([READER]))
    print(
        json.dumps(
            {
                "dry": play_a_dry_run(),
                "waiting": play_a_run_that_waits_and_begins_twice(),
                "twice": play_a_run_that_is_finished_twice(),
                "calls": play_calls(),
                "blocks": play_blocks(),
            }
        )
    )
