"""Health, and the description of the API."""

import orjson

from functions.api.registry import operations
from functions.openapi import openapi_document
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.usecases.health import HealthReport
from shared.version import VERSION


@operations.add(
    "GET",
    "health",
    summary="Does everything answer?",
    answer=HealthReport,
    also={503: "A part does not answer; the body says which."},
)
def get_health(_request: Request) -> Answer:
    """Looks at storage, Key Vault and the destination."""
    report = app().health.report()
    return Answer(report, 200 if report.ok else 503)


@operations.add("GET", "openapi.json", summary="This document", answer=None)
def get_openapi(_request: Request) -> Answer:
    return Answer(orjson.dumps(openapi_document(operations.declared, VERSION)))
