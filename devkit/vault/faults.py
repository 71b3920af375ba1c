"""Bad days on demand, for the vault or the identity endpoint."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CODES = {503: "ServiceUnavailable", 429: "Throttled", 403: "Forbidden"}


class Fault(BaseModel):
    """What goes wrong, where, and for how long; the body of `POST /control/faults`.

    For `unavailable_s` seconds every request gets `answer`: an HTTP status (503, 429 with a
    Retry-After of one second, 403 as if a role was taken away) or a broken connection. `latency_s`
    delays every request until the fault is cleared.
    """

    model_config = ConfigDict(extra="forbid")

    target: Literal["vault", "identity"] = "vault"
    unavailable_s: float = Field(default=0, ge=0)
    answer: Literal[503, 429, 403, "reset"] = 503
    latency_s: float = Field(default=0, ge=0)


class Faults:
    """The faults in force, at most one per target."""

    def __init__(self) -> None:
        self._current: dict[str, tuple[Fault, float]] = {}

    def set(self, fault: Fault) -> None:
        self._current[fault.target] = (fault, time.monotonic() + fault.unavailable_s)

    def clear(self) -> None:
        self._current.clear()

    async def before(self, target: str, request: web.Request) -> web.Response | None:
        """Apply the target's fault to a request: return the answer to give instead, if any."""
        if target not in self._current:
            return None
        fault, until = self._current[target]
        await asyncio.sleep(fault.latency_s)
        if time.monotonic() >= until:
            return None
        if fault.answer == "reset":
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError
        code = _CODES[fault.answer]
        return web.json_response(
            {"error": {"code": code, "message": "A fault asked for through /control/faults."}},
            status=fault.answer,
            headers={"Retry-After": "1"} if fault.answer == 429 else {},
        )
