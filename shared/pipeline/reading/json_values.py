"""The objects of a JSON document, one at a time: elements of an array, or values one after the other."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.encoding import UNDECODABLE
from shared.pipeline.reading.rows import MAX_RECORD_CHARACTERS, BrokenCode

_find_value = re.compile(r"[\s,]*").match
_find_end = json.JSONDecoder().raw_decode
_find_visible = re.compile(r"[ \t]*").match

_MAX_VAIN_CHARACTERS = 64 * 1024 * 1024
"""How much may be read in search of ends of values that never come, in one file."""


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    code: BrokenCode
    detail: str


_NOT_AN_OBJECT = UnreadableValue(BrokenCode.BAD_JSON, "not one JSON object")
_NOT_TEXT = UnreadableValue(BrokenCode.BAD_ENCODING, "bytes that are not text")
_TOO_LONG = UnreadableValue(
    BrokenCode.LINE_TOO_LONG, f"an object of more than {MAX_RECORD_CHARACTERS:,} characters"
)


class JsonValues:
    """Yields ``(line, object)``, or what is wrong with a value; reading goes on where the next one begins on a line.

    ``characters`` is how much was read so far. Raises SegmentUnreadable at the end of an array that is not closed,
    and when too many values are not.
    """

    def __init__(self, texts: Iterator[tuple[str, bool]]) -> None:
        self._texts = texts
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._text, self._at, self._line = "", 0, 1
        self.characters = 0
        self._vain_characters = 0

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any] | UnreadableValue]]:
        is_open = self._seek_value() == "["
        is_array = is_open
        if is_array:
            self._at += 1
        while character := self._seek_value():
            if is_array and character == "]" and is_open:
                is_open = False
                self._at += 1
            elif is_array and not is_open:
                yield self._line, _NOT_AN_OBJECT
                self._skip_line()
            else:
                yield self._line, self._take()
        if is_open:
            raise SegmentUnreadable(
                "The JSON array is not closed: the file ends in the middle.",
                code="json-truncated",
                remedy="Upload the whole file again.",
            )

    def _seek_value(self) -> str:
        """Go to the beginning of a value and return its first character; empty at the end of the file."""
        while True:
            found = _find_value(self._text, self._at)
            end = found.end() if found else self._at
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if not self._read_more():
                return ""

    def _take(self) -> dict[str, Any] | UnreadableValue:
        """Return the value that begins here and go behind it."""
        while True:
            try:
                _, end = _find_end(self._text, self._at)
                # A number may go on in the next block.
                if end < len(self._text) or self._text[end - 1] in '"]}' or not self._read_more():
                    break
            except (ValueError, RecursionError) as problem:
                if len(self._text) - self._at <= MAX_RECORD_CHARACTERS and self._read_more():
                    continue
                is_long = len(self._text) - self._at > MAX_RECORD_CHARACTERS
                self._count_vain(problem)
                self._skip_element()
                return _TOO_LONG if is_long else _NOT_AN_OBJECT
        text = self._text[self._at : end]
        self._line += text.count("\n")
        self._at = end
        if UNDECODABLE in text:
            return _NOT_TEXT
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return _NOT_AN_OBJECT
        return value if type(value) is dict else _NOT_AN_OBJECT

    def _skip_element(self) -> None:
        """Go to the next line that may begin a value: not with a key, nor with the end of an object."""
        self._skip_line()
        while True:
            found = _find_visible(self._text, self._at)
            end = found.end() if found else self._at
            if end == len(self._text) and self._read_more():
                continue
            if self._text[end : end + 1] not in ('"', "}"):
                return
            self._skip_line()

    def _count_vain(self, problem: Exception) -> None:
        end = problem.pos if isinstance(problem, json.JSONDecodeError) else len(self._text)
        self._vain_characters += max(end - self._at, 0)
        if self._vain_characters > _MAX_VAIN_CHARACTERS:
            raise SegmentUnreadable(
                "Too many objects are opened and never closed.",
                code="unclosed-objects",
                remedy="Upload the whole file again.",
            )

    def _skip_line(self) -> None:
        while (end := self._text.find("\n", self._at)) < 0:
            self._at = len(self._text)
            if not self._read_more():
                return
        self._at = end + 1
        self._line += 1

    def _read_more(self) -> bool:
        block = next(self._texts, None)
        if block is None:
            return False
        text = self._newlines.decode(block[0])
        self.characters += len(text)
        self._text = self._text[self._at :] + text
        self._at = 0
        return True
