"""Connections to Autopilot, kept open between calls, chunks and runs."""

import os
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

_KEPT_OPEN = 256
_IDLE_S = 60.0
# Far more than the longest real one, which names all lists of an account.
_LARGEST_ANSWER_BYTES, _PART_BYTES = 16 * 2**20, 2**16


class AnswerTooLarge(requests.RequestException):
    """The server sends more than any answer of Autopilot takes. The connection is closed."""


class Answer(NamedTuple):
    """A whole answer. ``reason`` is what the server wrote behind the status, perhaps nothing."""

    status_code: int
    reason: str
    headers: Mapping[str, str]
    content: bytes


class HttpPool:
    """One per process and address, shared by all accounts: keys travel in headers. Thread-safe.

    A connection that was idle for long is not used again: Azure's load balancer forgets it after four minutes without a
    word (Azure Load Balancer documentation, TCP idle timeout), and a call on it would wait for its whole time-out.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url, self._timeout_s = url.rstrip("/"), timeout_s
        # Looking these up for every call costs more than the call itself: once is enough.
        self._proxies = get_environ_proxies(url)
        self._verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_KEPT_OPEN, max_retries=0)
        self._used_at, self._lock = time.monotonic(), threading.Lock()

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Return the whole answer, whatever its status; redirects are not followed.

        ``path`` is quoted already. Raises requests.RequestException.
        """
        self._forget_idle_connections()
        request = requests.Request(method, self._url + path, headers=headers, data=body).prepare()
        answer = self._adapter.send(
            request, timeout=self._timeout_s, verify=self._verify, proxies=self._proxies
        )
        return Answer(answer.status_code, answer.reason or "", answer.headers, _read(answer))

    def _forget_idle_connections(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._used_at > _IDLE_S:
                self._adapter.close()
            self._used_at = now


def _read(answer: requests.Response) -> bytes:
    parts, size_bytes = list[bytes](), 0
    for part in answer.iter_content(_PART_BYTES):
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > _LARGEST_ANSWER_BYTES:
            answer.close()
            raise AnswerTooLarge
    return b"".join(parts)
