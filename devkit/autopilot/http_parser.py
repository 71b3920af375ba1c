"""Requests out of bytes: HTTP/1.0 and 1.1, Content-Length and chunked bodies, several requests in one packet."""

from dataclasses import dataclass, field

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024


class MalformedRequestError(Exception):
    """The bytes are not a request; the connection cannot be used any further."""


@dataclass(slots=True)
class Request:
    """One request. Header names are lower-case; ``path`` and ``query`` are still percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    body: bytes = b""


@dataclass(slots=True)
class RequestParser:
    """Give it bytes with `feed`, take whole requests with `next_request`."""

    _buffer: bytearray = field(default_factory=bytearray)
    _head: Request | None = None
    _length: int | None = None  # None: chunked
    _chunks: bytearray = field(default_factory=bytearray)
    _continue_due: bool = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_request(self) -> Request | None:
        """Return the next complete request, or None while bytes are missing. Raises MalformedRequestError."""
        if self._head is None and not self._read_head():
            return None
        body = self._read_chunks() if self._length is None else self._read_counted(self._length)
        if body is None:
            return None
        request, self._head, self._continue_due = self._head, None, False
        assert request is not None  # noqa: S101 (tells mypy; cannot be otherwise)
        request.body = body
        return request

    def take_continue(self) -> bool:
        """Tell, once per request, whether the client waits for ``100 Continue`` before it sends the body."""
        due, self._continue_due = self._continue_due, False
        return due

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise MalformedRequestError("The head of the request is too long.")
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        method, _, rest = first.partition(" ")
        target, _, version = rest.rpartition(" ")
        if not target.startswith("/") or version not in ("HTTP/1.1", "HTTP/1.0"):
            raise MalformedRequestError("The request line is malformed.")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        path, _, query = target.partition("?")
        connection = headers.get("connection", "").lower()
        keep_alive = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
        self._length = _body_length(headers)
        self._chunks = bytearray()
        self._continue_due = headers.get("expect", "").lower() == "100-continue"
        self._head = Request(method, path, query, headers, keep_alive)
        return True

    def _read_counted(self, length: int) -> bytes | None:
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _read_chunks(self) -> bytes | None:
        while (line_end := self._buffer.find(b"\r\n")) >= 0:
            try:
                size = int(self._buffer[:line_end].partition(b";")[0], 16)
            except ValueError:
                raise MalformedRequestError("A chunk has no size.") from None
            if size < 0 or len(self._chunks) + size > MAX_BODY_BYTES:
                raise MalformedRequestError("The body is too long.")
            start = line_end + 2
            if size == 0:
                return self._end_chunks(line_end)
            if len(self._buffer) < start + size + 2:
                return None
            self._chunks += self._buffer[start : start + size]
            del self._buffer[: start + size + 2]
        return None

    def _end_chunks(self, line_end: int) -> bytes | None:
        """Swallow the trailers, which end with an empty line as a head does."""
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            return None
        del self._buffer[: end + 4]
        return bytes(self._chunks)


def _body_length(headers: dict[str, str]) -> int | None:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise MalformedRequestError("Content-Length is not a number.")
    if int(text) > MAX_BODY_BYTES:
        raise MalformedRequestError("The body is too long.")
    return int(text)
