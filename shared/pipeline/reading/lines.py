"""Text to physical lines, numbered as an editor shows them: CRLF, LF and CR each end a line."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from shared.pipeline.reading.rows import MAX_RECORD_CHARACTERS


@dataclass(slots=True)
class LineBlock:
    """``lines`` without their ends, the first of which is line ``first``.

    ``plain`` promises that there are no undecodable bytes, no NUL and no line of more than MAX_RECORD_CHARACTERS.
    Of a longer line only the beginning is there, one character more than the limit at least.
    """

    first: int
    lines: list[str]
    plain: bool


def cut_lines(texts: Iterator[tuple[str, bool]]) -> Iterator[LineBlock]:
    """Yield blocks of one line or more. Embedded line ends come as LF; the file's last line needs none."""
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    first, tail, plain = 1, "", True
    for raw, sound in texts:
        text = newlines.decode(raw)
        plain = plain and sound and "\0" not in text
        whole, line_end, rest = text.rpartition("\n")
        if not line_end:
            tail = (tail + rest)[: MAX_RECORD_CHARACTERS + 1]
            continue
        lines = (tail + whole).split("\n")
        yield LineBlock(first, lines, plain and len(lines[0]) <= MAX_RECORD_CHARACTERS)
        first += len(lines)
        # What made this block irregular may be in the line that goes on.
        tail, plain = rest, plain or not rest
    if newlines.decode("", final=True) or tail:
        yield LineBlock(first, [tail], plain and len(tail) <= MAX_RECORD_CHARACTERS)


class LineWindow:
    """The lines in hand, with a place in them; more are fetched when they are asked for."""

    def __init__(self, blocks: Iterator[LineBlock]) -> None:
        self._blocks = blocks
        self._lines: list[str] = []
        self._first = 1
        self._at = 0
        self.plain = True

    @property
    def number(self) -> int:
        """The number of the current line."""
        return self._first + self._at

    def peek(self, ahead: int = 0) -> str | None:
        """Return the current line or one ``ahead`` of it; None after the end."""
        while self._at + ahead >= len(self._lines):
            block = next(self._blocks, None)
            if block is None:
                return None
            if self._at < len(self._lines):
                self.plain = self.plain and block.plain
                self._lines = self._lines[self._at :] + block.lines
                self._first += self._at
            else:
                self.plain = block.plain
                self._lines, self._first = block.lines, block.first
            self._at = 0
        return self._lines[self._at + ahead]

    def skip(self, lines: int = 1) -> None:
        self._at += lines

    def rest(self) -> list[str]:
        """Return the lines in hand from the current one on; empty only after the end."""
        if self.peek() is None:
            return []
        return self._lines[self._at :] if self._at else self._lines
