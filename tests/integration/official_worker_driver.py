"""Load an app with Microsoft's own worker and invoke functions of it: `driver.py APP_DIR < invocations.json`.

Runs in a venv of its own, which has azure-functions-runtime: what the Functions worker does on Python 3.13, minus gRPC.
Input: a list of {"function", "inputs": {name: [kind, value]}, "metadata"?, "traceparent"?}, where kind is a field of the
protocol's TypedData (string, json, bytes as text, http, model_binding_data). The last line of the output is JSON:
{"fault"} or {"functions": {name: [binding]}, "results": [{"fault"} or {"kind", "value"}]}.
"""

import asyncio
import json
import logging
import os
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from opentelemetry import _logs, metrics, trace


class TypedData:
    """A union of which exactly one field is set; protobuf's `WhichOneof` tells which."""

    def __init__(self, **field: Any) -> None:
        ((self._kind, value),) = field.items()
        setattr(self, self._kind, value)

    def WhichOneof(self, _: str) -> str | None:
        return self._kind if getattr(self, self._kind) is not None else None


class StatusResult(SimpleNamespace):
    Failure, Success, Cancelled = 0, 1, 2


class BindingInfo(SimpleNamespace):
    out, inout = 1, 2
    undefined = 0


class ParameterBinding(SimpleNamespace):
    def WhichOneof(self, _: str) -> str:
        return "data"


class RpcHttpCookie(SimpleNamespace):
    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


class Protocol:
    """Stands in for the module of generated messages; those without behaviour are plain records."""

    TypedData = TypedData
    StatusResult = StatusResult
    BindingInfo = BindingInfo
    ParameterBinding = ParameterBinding
    RpcHttpCookie = RpcHttpCookie

    def __getattr__(self, _: str) -> type:
        return SimpleNamespace


PROTOCOL = Protocol()


async def drive(app_dir: Path, invocations: list[dict[str, Any]]) -> dict[str, Any]:
    import azure_functions_runtime as worker

    worker.start_threadpool_executor()
    answer = await worker.worker_init_request(
        envelope(worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(app_dir)))
    )
    if answer.result.status != StatusResult.Success:
        return {"fault": answer.result.exception.message}
    indexed = (await worker.functions_metadata_request(envelope())).function_metadata_results or []
    ids = {function.name: function.function_id for function in indexed}
    results = [await invoke(worker, ids[wanted["function"]], wanted) for wanted in invocations]
    bindings = {function.name: [json.loads(text) for text in function.raw_bindings] for function in indexed}
    return {"functions": bindings, "results": results}


async def invoke(worker: Any, function_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    inputs = [
        ParameterBinding(name=name, data=make_input(kind, value))
        for name, (kind, value) in wanted["inputs"].items()
    ]
    metadata = {name: make_input(kind, value) for name, (kind, value) in wanted.get("metadata", {}).items()}
    answer = await worker.invocation_request(
        envelope(
            invocation_request=SimpleNamespace(
                invocation_id=str(uuid.uuid4()),
                function_id=function_id,
                input_data=inputs,
                trigger_metadata=metadata,
                trace_context=SimpleNamespace(
                    trace_parent=wanted.get("traceparent", ""), trace_state="", attributes={}
                ),
                retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
            )
        )
    )
    if answer.result.status != StatusResult.Success:
        return {"fault": answer.result.exception.message}
    return read_output(answer.return_value)


def make_input(kind: str, value: Any) -> TypedData:
    if kind == "bytes":
        return TypedData(bytes=value.encode())
    if kind == "model_binding_data":
        content = json.dumps(value)
        source, mime = "AzureStorageBlobs", "application/json"
        record = SimpleNamespace(version="1.0", source=source, content_type=mime, content=content)
        return TypedData(model_binding_data=record)
    if kind == "http":
        body = TypedData(bytes=value["body"].encode() if value.get("body") else None)
        request = {"method": "GET", "url": "http://localhost/", "headers": {}, "params": {}, "query": {}}
        return TypedData(http=SimpleNamespace(**{**request, **value, "body": body}))
    return TypedData(**{kind: value})


def read_output(value: TypedData | None) -> dict[str, Any]:
    kind = value.WhichOneof("data") if value else None
    if value is None or kind is None:
        return {"kind": None, "value": None}
    if kind == "http":
        answer = value.http
        body = answer.body.bytes.decode()
        return {
            "kind": kind,
            "value": {"status": answer.status_code, "headers": answer.headers, "body": body},
        }
    return {"kind": kind, "value": getattr(value, kind)}


def envelope(**request: Any) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(**request), properties={"host": "127.0.0.1", "protos": PROTOCOL}
    )


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.INFO)  # as azure-functions-python-worker does (its dispatcher.py)
    app_dir = Path(sys.argv[1]).resolve()
    os.chdir(app_dir)
    sys.path.insert(0, str(app_dir))
    outcome = asyncio.run(drive(app_dir, json.load(sys.stdin)))
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
        if provider is _logs.get_logger_provider():
            logging.getLogger().handlers.clear()  # else each export of records might make another record
        if flush := getattr(provider, "force_flush", None):
            flush()
    print("\n" + json.dumps(outcome), flush=True)
    os._exit(0)  # the worker's threads are of no interest any more
