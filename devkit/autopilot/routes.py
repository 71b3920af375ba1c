"""The way into ``/v1``: route, key, throttle, faults, endpoint, log."""

from collections import defaultdict
from typing import Any
from urllib.parse import unquote

import orjson

from devkit.autopilot import account_routes, contact_routes, list_routes
from devkit.autopilot.api import Api, Route
from devkit.autopilot.calls import CallLog
from devkit.autopilot.contacts import Account
from devkit.autopilot.faults import Fault, Faults
from devkit.autopilot.http_parser import Request
from devkit.autopilot.rate import TokenBucket
from devkit.autopilot.replies import Ending, Refusal, Reply, error_reply, json_reply
from devkit.autopilot.switches import Switches
from devkit.autopilot.upserts import Upserts

UNKNOWN = "unknown path"
_GARBAGE = b"<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


def _by_shape() -> dict[int, list[tuple[tuple[str, ...], Route]]]:
    table: dict[int, list[tuple[tuple[str, ...], Route]]] = defaultdict(list)
    for route in (*contact_routes.ROUTES, *list_routes.ROUTES, *account_routes.ROUTES):
        steps = tuple(route.pattern.strip("/").split("/"))
        table[len(steps)].append((steps, route))
    return dict(table)


_ROUTES = _by_shape()


class Gate:
    """Answers ``/v1``. ``key`` is the only key that opens it; None when it was revoked."""

    def __init__(self, key: str | None, account: Account, switches: Switches, faults: Faults) -> None:
        self.key = key
        self.calls = CallLog()
        self._switches = switches
        self._faults = faults
        self._bucket = TokenBucket()
        self._api = Api(account, switches, Upserts(account, switches, faults), self.calls)

    def answer(self, request: Request) -> Reply:
        """``request.path`` starts with ``/v1``."""
        endpoint = UNKNOWN
        try:
            route, params = self._find_route(request)
            endpoint = route.name
            self._check_key(request)
            self._throttle()
            fault = self._faults.draw(endpoint) if self._faults.active else None
            if fault is None:
                reply = self._serve(route, params, request)
            else:
                served = self._serve(route, params, request) if fault.applied else Reply(200)
                reply = self._break(served, fault)
        except Refusal as refusal:
            reply = error_reply(refusal, self._switches.error_body)
        if self._switches.latency_ms or self._switches.latency_jitter_ms:
            reply.delay_s += self._latency_s()
        outcome = str(reply.status) if reply.ending is Ending.SEND else reply.fault or ""
        self.calls.record(endpoint, request.path, outcome, reply.contacts)
        return reply

    def _find_route(self, request: Request) -> tuple[Route, list[str]]:
        path = (
            request.path
            if request.path.isascii()
            else request.path.encode("latin-1").decode("utf-8", "replace")
        )
        steps = [unquote(step) for step in path.split("/") if step][1:]
        other_method = False
        for pattern, route in _ROUTES.get(len(steps), ()):
            if all(part == step or part[0] == "{" for part, step in zip(pattern, steps, strict=True)):
                if route.method == request.method:
                    return route, [step for part, step in zip(pattern, steps, strict=True) if part[0] == "{"]
                other_method = True
        if other_method:
            raise Refusal(405, f"{request.method} is not allowed", code="MethodNotAllowed")
        raise Refusal(404, f"{path} does not exist", code="ResourceNotFound")

    def _check_key(self, request: Request) -> None:
        key = request.headers.get("autopilotapikey")
        if not key:
            raise Refusal(400, "No autopilotapikey header provided.")
        if key != self.key:
            raise Refusal(401, "Provided autopilotapikey not valid.")

    def _throttle(self) -> None:
        rate = self._switches.rate
        if rate is not None and not self._bucket.take(rate, self._switches.rate_burst):
            raise _too_many(rate, self._switches.rate_retry_after)

    def _serve(self, route: Route, params: list[str], request: Request) -> Reply:
        try:
            if not route.has_body:
                return route.answer(self._api, *params)
            return route.answer(self._api, _read_json(request.body), *params)
        except Refusal as refusal:
            return error_reply(refusal, self._switches.error_body)

    def _break(self, reply: Reply, fault: Fault) -> Reply:
        reply.fault = fault.kind
        match fault.kind:
            case "throttle":
                raise _too_many(self._switches.rate or 5, fault.retry_after)
            case "server_error":
                failed = error_reply(
                    Refusal(fault.status, "Something went wrong."), self._switches.error_body
                )
                reply.status, reply.body = failed.status, failed.body
            case "reset_before" | "reset_after":
                reply.ending = Ending.RESET
            case "timeout":
                reply.ending, reply.delay_s = Ending.DROP, fault.seconds
            case "slow_list" if reply.status == 200:
                reply = json_reply({"message": "The list is being created."})
                reply.delay_s = fault.seconds
            case "garbage":
                reply.status, reply.body, reply.content_type = 200, _GARBAGE, "text/html"
        return reply

    def _latency_s(self) -> float:
        jitter_ms = self._switches.latency_jitter_ms
        return max(0.0, self._switches.latency_ms + self._faults.random.uniform(-jitter_ms, jitter_ms)) / 1000


def _too_many(rate: float, retry_after: str | float | None) -> Refusal:
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Refusal(429, f"You have exceeded your request rate of {rate:g} r/s.", headers=headers)


def _read_json(body: bytes) -> Any:
    """Return what the body says, whatever its type claims; a JSON string that contains JSON is read twice."""
    try:
        value = orjson.loads(body)
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        raise Refusal(400, "Invalid JSON", code="InvalidContent") from None
