"""Something that takes OTLP over HTTP on loopback and keeps what it got."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_ERROR = 2


@dataclass(frozen=True)
class Seen:
    """A span. `failed` is the text of its status when that is an error."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any] = field(hash=False)
    failed: str | None
    start_ns: int


class OtlpReceiver:
    """`bodies` are the requests as they came, by path."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.bodies.append((self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def spans(self) -> list[Seen]:
        """All spans so far."""
        return [
            Seen(
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                attributes=_read_attributes(span.attributes),
                failed=span.status.message if span.status.code == _ERROR else None,
                start_ns=span.start_time_unix_nano,
            )
            for body in self._bodies("/v1/traces")
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def points(self, metric: str) -> list[tuple[dict[str, Any], Any]]:
        """All data points of a metric so far, each with its attributes: numbers, or the points of a histogram."""
        return [
            (
                _read_attributes(point.attributes),
                getattr(point, point.WhichOneof("value")) if kind != "histogram" else point,
            )
            for body in self._bodies("/v1/metrics")
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric and (kind := each.WhichOneof("data"))
            for point in getattr(each, kind).data_points
        ]

    def total(self, metric: str, **attributes: str) -> int:
        """The sum of a counter over all points with these attributes; deltas are expected."""
        return sum(value for about, value in self.points(metric) if attributes.items() <= about.items())

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bodies(self, path: str) -> Iterator[bytes]:
        return (body for where, body in list(self.bodies) if where == path)


def _read_attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
