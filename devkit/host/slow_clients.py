"""Clients that never finish what they say: the limits of Kestrel, the web server of the Functions host.

The headers of a connection's first request within 30 seconds, a body at 240 bytes a second after 5 seconds of grace
(Microsoft Learn, "Configure options for the ASP.NET Core Kestrel web server": RequestHeadersTimeout,
MinRequestBodyDataRate).
"""

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

KEEP_ALIVE_S = 130
"""How long a connection may lie idle between two requests (KeepAliveTimeout there)."""

_HEADERS_S = 30.0
_GRACE_S = 5.0
_BYTES_PER_S = 240
_PAUSE_S = 2.0


class Connection(Hashable, Protocol):
    """What aiohttp has for each connection."""

    transport: asyncio.Transport | None


class SilentConnections:
    """Closes connections on which no request was ever complete. ``connections`` tells which are open now."""

    def __init__(self, connections: Callable[[], Iterable[Connection]]) -> None:
        self._connections = connections
        self._since: dict[Connection, float] = {}
        self._have_asked: set[Connection] = set()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._have_asked.add(request.protocol)
        return await handler(request)

    async def run(self) -> None:
        """Look for them until cancelled."""
        while True:
            self.close_those(time.monotonic())
            await asyncio.sleep(_PAUSE_S)

    def close_those(self, now: float) -> None:
        """Close what has been silent for too long at ``now``, a monotonic time in seconds."""
        there = set(self._connections())
        self._have_asked &= there
        self._since = {each: self._since.get(each, now) for each in there - self._have_asked}
        for connection, since in self._since.items():
            if now - since >= _HEADERS_S and connection.transport is not None:
                connection.transport.close()


async def read_body(request: web.Request) -> bytes:
    """Return the whole body. Raises HTTPRequestTimeout for one that comes too slowly."""
    body, began = bytearray(), asyncio.get_running_loop().time()
    while True:
        try:
            async with asyncio.timeout_at(began + _GRACE_S + len(body) / _BYTES_PER_S):
                piece = await request.content.readany()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        if not piece:
            return bytes(body)
        body += piece
