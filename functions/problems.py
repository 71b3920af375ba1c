"""Errors as they leave: RFC 9457 problem+json, with a remedy, and nothing that was not meant to be told."""

import logging
from math import ceil

import azure.functions as func
import orjson

from shared.domain.errors import Fault, InUse, Invalid, SegpilotError

PROBLEM_JSON = "application/problem+json"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer: it is for who has asked, and nothing but what it says to be."""


class MethodNotAllowed(SegpilotError):
    """There is such a path, but not with this method. ``allowed`` are those that there are."""

    code, status, title, fault = "method-not-allowed", 405, "The path has no such method", Fault.CALLER

    def __init__(self, message: str, allowed: list[str]) -> None:
        super().__init__(message, remedy=f"Use one of: {', '.join(allowed)}.")
        self.allowed = allowed


class LengthRequired(SegpilotError):
    """The request does not say how long its body is."""

    code, status, title, fault = "length-required", 411, "The body has no length", Fault.CALLER

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy="Send the header Content-Length instead of Transfer-Encoding.")


class OrchestrationUnavailable(SegpilotError):
    """Durable Functions did not answer."""

    code, status, title, retryable = "not-begun", 503, "It could not be begun", True


def problem_response(req: func.HttpRequest, error: Exception) -> func.HttpResponse:
    """Return the answer that tells of an error. What was not raised on purpose is logged and not told."""
    if not isinstance(error, SegpilotError):
        logging.error("An operation broke down.", exc_info=error)
        error = SegpilotError("An unexpected error was logged.", remedy="Try again; see the log of the app.")
    document = {
        "type": f"urn:segpilot:problem:{error.reason}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "remedy": error.remedy,
        "instance": req.url.partition("?")[0],
    }
    if isinstance(error, Invalid) and error.errors:
        document["errors"] = error.errors
    if isinstance(error, InUse) and error.dependents:
        document["dependents"] = error.dependents
    headers = dict(PRIVATE)
    if error.retry_after_s:
        headers["Retry-After"] = str(ceil(error.retry_after_s))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return func.HttpResponse(
        orjson.dumps(document), status_code=error.status, headers=headers, mimetype=PROBLEM_JSON
    )
