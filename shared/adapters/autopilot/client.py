"""Calls of one account, and the one place where they are repeated."""

import random
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests

from shared.adapters.autopilot.http_pool import Answer, HttpPool
from shared.domain.destination import Pacer
from shared.domain.errors import DestinationError, Refused, Throttled, Unauthorized, Unavailable
from shared.domain.masking import mask_addresses

_ATTEMPTS = 6
_LONGEST_PAUSE_S = 8.0
_LONGEST_RETRY_AFTER_S, _ABSURD_RETRY_AFTER_S = 600.0, 86_400.0
_THROTTLED_ATTEMPTS = 40
_REQUEST_TIMEOUT = 408
_READ_CHARACTERS, _SHOWN_CHARACTERS = 2_000, 300
_KEY_REMEDY = "Check the key under Settings > Autopilot API in Autopilot and give the connection a valid one."


class AutopilotClient:
    """Thread-safe. A call without an answer may have taken effect all the same (Autopilot developer blog,
    28 July 2015). It is repeated unless the caller forbids it: upserts go by e-mail, memberships are idempotent."""

    def __init__(self, http: HttpPool, read_key: Callable[[bool], str], pacer: Pacer) -> None:
        self._http, self._read_key, self._pacer = http, read_key, pacer
        self._key, self._key_lock = "", threading.Lock()
        self.calls = 0
        self._calls_lock = threading.Lock()

    def call(
        self, method: str, path: str, body: bytes | None = None, *, repeatable: bool = True
    ) -> dict[str, Any] | list[Any]:
        """Return the decoded answer. ``path`` is quoted already.

        Raises a DestinationError, SecretUnavailable or Stopped.
        """
        key, unanswered, throttled, asked_s = self._present_key(), 0, 0, 0.0
        while True:
            self._pacer.wait()
            try:
                answer = self._once(method, path, body, key)
                self._pacer.succeeded()
                return answer
            except Throttled as problem:
                throttled += 1
                self._pacer.throttled(problem.retry_after_s)
                asked_s += problem.retry_after_s or 0.0
                # A function has half an hour; who waits longer than that does so in the orchestration.
                if throttled == _THROTTLED_ATTEMPTS or asked_s > _LONGEST_RETRY_AFTER_S:
                    raise
                self._pacer.pause(random.uniform(0, 0.2))  # noqa: S311 (spreads load, guards nothing)
            except Unavailable:
                self._pacer.failed()
                unanswered += 1
                if unanswered == _ATTEMPTS or not repeatable:
                    raise
                self._pacer.pause(random.uniform(0.5, 1) * min(_LONGEST_PAUSE_S, 0.25 * 2**unanswered))  # noqa: S311
            except Unauthorized:
                self._pacer.refused()
                # The key may have been replaced in the vault while this run goes on.
                if (fresh_key := self._fresh_key(key)) == key:
                    raise
                key = fresh_key
            except Refused:
                self._pacer.refused()
                raise

    def _once(self, method: str, path: str, body: bytes | None, key: str) -> dict[str, Any] | list[Any]:
        with self._calls_lock:
            self.calls += 1
        headers = {"autopilotapikey": key, "Accept": "application/json", "User-Agent": "Segpilot"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._http.send(method, path, headers, body)
        except requests.RequestException as problem:
            raise Unavailable(f"Autopilot did not answer ({type(problem).__name__}).") from None
        if 200 <= answer.status_code < 300:
            if not answer.content:
                return {}
            try:
                result = orjson.loads(answer.content)
            except orjson.JSONDecodeError:
                raise Unavailable("Autopilot answered with something that is not JSON.") from None
            if isinstance(result, dict | list):
                return result
            raise Unavailable("Autopilot answered with JSON of an unknown shape.")
        raise _failure(answer, key)

    def _present_key(self) -> str:
        with self._key_lock:
            if not self._key:
                self._key = _usable(self._read_key(False))
            return self._key

    def _fresh_key(self, refused: str) -> str:
        with self._key_lock:
            if self._key == refused:
                self._key = _usable(self._read_key(True))
            return self._key


def _usable(key: str) -> str:
    """Return the key without the blanks and line ends that come along when it is pasted.

    Whatever cannot stand in a header is refused here: the HTTP library would show it in its exception.
    """
    key = key.strip()
    if not (key and key.isascii() and key.isprintable()):
        raise Unauthorized("The stored API key cannot be a key of Autopilot.", remedy=_KEY_REMEDY)
    return key


def _failure(answer: Answer, key: str) -> DestinationError:
    status, message = answer.status_code, _message(answer, key)
    if status == 429:
        return Throttled(f"Autopilot throttles: {message}", retry_after_s=_retry_after_s(answer))
    if status == 401:
        return Unauthorized(f"Autopilot refused the API key: {message}", remedy=_KEY_REMEDY)
    if status >= 500 or status == _REQUEST_TIMEOUT:
        return Unavailable(f"Autopilot answered with status {status}: {message}")
    if status < 400:
        return Refused(
            f"Autopilot's address answered with a redirection (status {status}).",
            remedy="Check the setting AUTOPILOT_URL.",
        )
    return AutopilotRefusal(f"Autopilot refused this with status {status}: {message}", status)


class AutopilotRefusal(Refused):
    """A 4xx that will be the same next time. ``http_status`` is Autopilot's."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(
            message, remedy="Read Autopilot's message; check field names, types and the contract."
        )
        self.http_status = http_status


def _message(answer: Answer, key: str) -> str:
    """Return Autopilot's own words, which are shown and logged; both shapes of its error bodies have ``message``."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    said = body.get("message") or body.get("error") if isinstance(body, dict) else None
    return _presentable(str(said or answer.reason), key) or "no explanation"


def _presentable(said: str, key: str) -> str:
    """Blank the key first: where it is cut or masked it is not found any more, and most of it would stay."""
    text = said.replace(key, "***")
    if len(text) > _READ_CHARACTERS:
        # A word that the cut goes through may be an address without its @.
        text = text[:_READ_CHARACTERS].rpartition(" ")[0]
    return mask_addresses(text)[:_SHOWN_CHARACTERS]


def _retry_after_s(answer: Answer) -> float | None:
    """Seconds from ``Retry-After``, which holds seconds or a date (RFC 9110, 10.2.3); None when it says nothing.

    What lies in the past, or more than a day ahead, is nonsense and counts as not given: the pace is lowered all the
    same. Of a long wait only ten minutes are obeyed at a time, so that somebody who has changed the limit is noticed.
    """
    text = answer.headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, answer.headers.get("Date", ""))
    return min(seconds, _LONGEST_RETRY_AFTER_S) if 0 <= seconds <= _ABSURD_RETRY_AFTER_S else None


def _seconds_until(date: str, answered_at: str) -> float:
    """Both are of the same clock, so that ours does not matter. -1 when they are no dates."""
    try:
        return (parsedate_to_datetime(date) - parsedate_to_datetime(answered_at)).total_seconds()
    except (TypeError, ValueError):
        return -1.0
