"""Telemetry: spans and metrics, through the OpenTelemetry API alone. docs/telemetry.md lists them.

Who takes them, and where to, is decided outside: in Azure the Functions worker configures an SDK, the local host where
it is told to. Without one every call here does next to nothing. Nothing that is emitted holds an address, a key, or a
message: failures are known by their codes.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.domain.destination import Stopped
from shared.domain.errors import SegpilotError
from shared.domain.masking import mask_addresses
from shared.domain.run import Run

Attributes = Mapping[str, str | int]
Place = Context

RUN, EXPORT, CONNECTION = "segpilot.run.id", "segpilot.export.id", "segpilot.connection.id"
SEGMENT, CHUNK, BATCH = "segpilot.segment", "segpilot.chunk", "segpilot.batch"
FAILURE = "segpilot.failure"
"""Not ``error.type`` of the semantic conventions: the exporter of Azure Monitor 1.0.0b58 leaves that out."""

_PACE_COUNTS_FOR_S = 60.0
_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200)

_tracer = trace.get_tracer("segpilot")
_meter = metrics.get_meter("segpilot")
_sent = _meter.create_counter("segpilot.profiles.sent", "{profile}")
_rejected = _meter.create_counter("segpilot.profiles.rejected", "{profile}")
_calls = _meter.create_counter("segpilot.calls", "{call}")
_throttled = _meter.create_counter("segpilot.calls.throttled", "{call}")
_lag = _meter.create_histogram("segpilot.arrival.lag", "s", explicit_bucket_boundaries_advisory=_SECONDS)
_ended = _meter.create_counter("segpilot.runs.ended", "{run}")
_duration = _meter.create_histogram(
    "segpilot.run.duration", "s", explicit_bucket_boundaries_advisory=_SECONDS
)
_paces: dict[str, tuple[float, float]] = {}
"""The pace of each connection that this process calls, and when it was noted."""


def _read_paces(_: CallbackOptions) -> Iterator[Observation]:
    """What nobody uses any more is not told again and again."""
    since = time.monotonic() - _PACE_COUNTS_FOR_S
    for connection_id, (calls_per_s, noted_at) in list(_paces.items()):
        if noted_at > since:
            yield Observation(calls_per_s, {CONNECTION: connection_id})


_meter.create_observable_gauge("segpilot.pace", [_read_paces], "{call}/s")


class Mark:
    """A span under way."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def tell(self, **numbers: int) -> None:
        """Add ``segpilot.{name}`` to the span, unless it is 0."""
        for name, number in numbers.items():
            if number:
                self._span.set_attribute(f"segpilot.{name}", number)

    def fail(self, code: str) -> None:
        """Record that what the span stands for has failed."""
        self._span.set_attribute(FAILURE, code)
        self._span.set_status(trace.StatusCode.ERROR, code)


@contextmanager
def span(name: str, attributes: Attributes, within: Place | None = None) -> Iterator[Mark]:
    """Record the block as a span; ``within`` = the place of its parent, when that is in another thread."""
    clean = {
        key: value if isinstance(value, int) else mask_addresses(value) for key, value in attributes.items()
    }
    with _tracer.start_as_current_span(
        name, within, attributes=clean, record_exception=False, set_status_on_exception=False
    ) as current:
        mark = Mark(current)
        try:
            yield mark
        except Stopped:
            raise
        except SegpilotError as error:
            mark.fail(error.reason)
            raise
        except Exception as error:
            mark.fail(type(error).__name__)
            raise


def here() -> Place:
    """Return the present place in the trace, for spans in other threads."""
    return contexts.get_current()


@contextmanager
def continued(traceparent: str | None, tracestate: str | None) -> Iterator[None]:
    """Let what the block does belong to a trace that came from outside (W3C Trace Context)."""
    carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
    token = contexts.attach(TraceContextTextMapPropagator().extract(carrier, contexts.get_current()))
    try:
        yield
    finally:
        contexts.detach(token)


def trace_id() -> str | None:
    """Return the id of the present trace, 32 hexadecimal digits; None where there is none."""
    present = trace.get_current_span().get_span_context()
    return trace.format_trace_id(present.trace_id) if present.is_valid else None


def tell_run(run: Run) -> None:
    """Add to the present span what run it is about."""
    present = trace.get_current_span()
    if present.is_recording():
        present.set_attributes({RUN: run.id, **_owner(run)})


def count_call(connection_id: str, outcome: str) -> None:
    """Count one call: ``ok``, ``throttled``, ``refused`` or ``failed``."""
    _calls.add(1, {"outcome": outcome, CONNECTION: connection_id})
    if outcome == "throttled":
        _throttled.add(1, {CONNECTION: connection_id})


def note_pace(connection_id: str, calls_per_s: float) -> None:
    """Note how many calls per second a connection is allowed now."""
    _paces[connection_id] = calls_per_s, time.monotonic()


def note_lag(run: Run, seconds: float) -> None:
    """Note how long after the upload its run has started."""
    _lag.record(max(0.0, seconds), _owner(run))


def count_run(run: Run) -> None:
    """Count a run that has just ended, and its people. A dry run sends nothing and is not counted."""
    if run.dry:
        return
    owner = _owner(run)
    if run.counts.sent:
        _sent.add(run.counts.sent, owner)
    for reason, people in run.rejected.items():
        _rejected.add(people, {"reason": reason, **owner})
    failure = run.failure.code if run.failure else ""
    _ended.add(1, {"status": run.status, "trigger": run.trigger, "failure": failure, **owner})
    if run.ended_at:
        took_s = (run.ended_at - (run.started_at or run.created_at)).total_seconds()
        _duration.record(took_s, {"status": run.status, **owner})


def _owner(run: Run) -> dict[str, str]:
    return {EXPORT: run.export_id, CONNECTION: run.connection_id}
