"""HTTP over an asyncio protocol: answers in order, keep-alive, delayed answers, drops and resets."""

import asyncio
import socket
import struct
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from time import time

import orjson

from devkit.autopilot.http_parser import MalformedRequestError, Request, RequestParser
from devkit.autopilot.replies import Ending, Reply

HOST = "127.0.0.1"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class HttpServer:
    """Serves ``answer`` on loopback. ``answer`` runs on the event loop and must not block."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listen on ``port`` (0: a free one) and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._answer, self._connections), HOST, port, backlog=512
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening and close every connection; answers that still wait are not sent."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._connections):
                connection.close()
            await self._server.wait_closed()


class Connection(asyncio.Protocol):
    """One client. While an answer waits, later requests of the same client wait too."""

    def __init__(self, answer: Callable[[Request], Reply], connections: "set[Connection]") -> None:
        self._answer = answer
        self._connections = connections
        self._parser = RequestParser()
        self._transport: asyncio.Transport
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (tells mypy; cannot be otherwise)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        self._advance()

    def _advance(self) -> None:
        while self._waiting is None and not self._transport.is_closing():
            try:
                request = self._parser.next_request()
            except MalformedRequestError as error:
                body = orjson.dumps({"code": "BadRequest", "message": str(error)})
                self._send(Reply(400, body), keep_alive=False)
                return
            if request is None:
                if self._parser.take_continue():
                    self._transport.write(_CONTINUE)
                return
            reply = self._answer(request)
            if reply.delay_s > 0:
                loop = asyncio.get_running_loop()
                self._waiting = loop.call_later(reply.delay_s, self._finish_late, request, reply)
            else:
                self._finish(request, reply)

    def _finish_late(self, request: Request, reply: Reply) -> None:
        self._waiting = None
        self._finish(request, reply)
        self._advance()

    def _finish(self, request: Request, reply: Reply) -> None:
        if reply.ending is Ending.SEND:
            self._send(reply, keep_alive=request.keep_alive)
        elif reply.ending is Ending.DROP:
            self._transport.close()
        else:
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
            )
            self._transport.abort()

    def _send(self, reply: Reply, *, keep_alive: bool) -> None:
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        if reply.status != 204:
            extra += f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n"
        head = (
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{extra}Date: {_http_date()}\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1", "replace") + reply.body)
        if not keep_alive:
            self._transport.close()


_date = (0, "")


def _http_date() -> str:
    global _date
    now_s = int(time())
    if _date[0] != now_s:
        _date = (now_s, formatdate(now_s, usegmt=True))
    return _date[1]
