"""Requests that are no HTTP: aiohttp logs them with what was sent, and a key may be in that."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


def leave_out_what_was_sent(record: logging.LogRecord) -> bool:
    """A filter for ``aiohttp.server``: of what could not be read only that fact is told."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "what was no HTTP request was refused: %s", (type(error).__name__,)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True
