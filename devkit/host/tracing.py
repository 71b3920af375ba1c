"""Traces: a place in one for every invocation, and an SDK that takes what the app emits, as the worker has in Azure.

Spans of the host are named like the functions. Where everything goes is said by OpenTelemetry's own settings (its
specification, "Environment Variable Specification"): `OTEL_EXPORTER_OTLP_ENDPOINT` sends it there over HTTP; where
`OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` is `console`, it becomes lines of a file, since the console belongs
to the log.
"""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ConsoleMetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_KINDS = {"httpTrigger": trace.SpanKind.SERVER, "activityTrigger": trace.SpanKind.INTERNAL}
_W3C = TraceContextTextMapPropagator()
_DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
"""As the exporter of Azure Monitor has it."""


class Tracing:
    """`file` is where `console` goes. What is emitted is passed on until `close`."""

    def __init__(self, environment: Mapping[str, str], file: Path) -> None:
        self._file: TextIO | None = None
        self._path = file
        resource = Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "segpilot")})
        self._spans, self._meters = TracerProvider(resource=resource), None
        exporters = list(self._span_exporters(environment))
        readers = list(self._metric_readers(environment))
        for exporter in exporters:
            self._spans.add_span_processor(BatchSpanProcessor(exporter))
        if exporters:
            trace.set_tracer_provider(self._spans)
        if readers:
            self._meters = MeterProvider(readers, resource=resource)
            metrics.set_meter_provider(self._meters)
        self._tracer = self._spans.get_tracer("devkit.host")

    @contextmanager
    def invocation(self, function: str, trigger: str, trace_parent: str) -> Iterator[str]:
        """Record the block as one invocation; give its place, which lies in the trace of `trace_parent` if there is one."""
        span = self._tracer.start_span(
            function,
            read_place(trace_parent),
            kind=_KINDS.get(trigger, trace.SpanKind.CONSUMER),
            attributes={"faas.trigger": trigger},
        )
        try:
            yield write_place(trace.set_span_in_context(span))
        except BaseException as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Pass on what is left."""
        self._spans.shutdown()
        if self._meters:
            self._meters.shutdown()
        if self._file:
            self._file.close()

    def _span_exporters(self, environment: Mapping[str, str]) -> Iterator[Any]:
        wanted = _wanted(environment, "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        if "otlp" in wanted:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            yield OTLPSpanExporter()
        if "console" in wanted:
            yield ConsoleSpanExporter(
                out=self._open(), formatter=lambda span: f"{span.to_json(indent=None)}\n"
            )

    def _metric_readers(self, environment: Mapping[str, str]) -> Iterator[MetricReader]:
        wanted = _wanted(environment, "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
        if "otlp" in wanted:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            yield PeriodicExportingMetricReader(OTLPMetricExporter())
        if "console" in wanted:
            exporter = ConsoleMetricExporter(
                out=self._open(),
                formatter=lambda data: f"{data.to_json(indent=None)}\n",
                preferred_temporality=_DELTA,
            )
            yield PeriodicExportingMetricReader(exporter)

    def _open(self) -> TextIO:
        self._file = self._file or self._path.open("a", encoding="utf-8")
        return self._file


class TraceIds(logging.Filter):
    """Gives each line of the log ` trace=` and the id of the trace that it was written in, if it was in one."""

    def filter(self, record: logging.LogRecord) -> bool:
        present = trace.get_current_span().get_span_context()
        record.trace = f" trace={trace.format_trace_id(present.trace_id)}" if present.is_valid else ""
        return True


def read_place(trace_parent: str) -> Context:
    """Return the place that a W3C `traceparent` names; one of nowhere when it is none."""
    return _W3C.extract({"traceparent": trace_parent}, Context())


def write_place(place: Context) -> str:
    """Return a place as W3C `traceparent`."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, place)
    return carrier.get("traceparent", "")


def make_place() -> str:
    """Return the `traceparent` of a new trace, for what nobody has begun."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


@contextmanager
def within(trace_parent: str) -> Iterator[None]:
    """Have the block at a place, as the worker has its event loop (azure-functions-runtime 1.3.0, `otel.py`)."""
    token = contexts.attach(read_place(trace_parent))
    try:
        yield
    finally:
        with suppress(ValueError):
            contexts.detach(token)


def _wanted(environment: Mapping[str, str], exporter: str, endpoint: str) -> set[str]:
    names = {name.strip() for name in environment.get(exporter, "otlp").split(",")}
    if not (environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environment.get(endpoint)):
        names.discard("otlp")
    return names
