"""JSON lines: one object per line; also an array whose objects stand on lines of their own."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import orjson

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.encoding import UNDECODABLE
from shared.pipeline.reading.lines import LineBlock, LineWindow
from shared.pipeline.reading.rows import (
    MAX_COLUMNS,
    MAX_RECORD_CHARACTERS,
    BrokenCode,
    BrokenRow,
    OnBroken,
)

_SAMPLE_ROWS = 1000
_SAMPLE_CHARACTERS = 16 * 1024 * 1024

_Row = tuple[int, Mapping[str, object]]


class JsonRows:
    """The rows of a JSON file. The columns are the keys of the first rows; keys that only come later are left out.

    Nested objects and arrays become compact JSON text. Raises SegmentUnreadable if there is no row to begin with,
    or objects are spread over several lines.
    """

    columns: list[str]

    def __init__(
        self, blocks: Iterator[LineBlock], on_broken: OnBroken, *, columns: Sequence[str] | None = None
    ) -> None:
        self._on_broken = on_broken
        self._characters = 0
        self._objects = self._read_objects(blocks)
        self._sample: list[_Row] = []
        keys = dict.fromkeys(columns or ())
        for row in self._objects:
            self._sample.append(row)
            keys.update(dict.fromkeys(row[1]))
            if len(self._sample) == _SAMPLE_ROWS or self._characters > _SAMPLE_CHARACTERS:
                break
        if not self._sample:
            raise SegmentUnreadable(
                "The file holds no JSON object.",
                code="empty-file",
                remedy="Upload the file again, with its rows.",
            )
        if len(keys) > MAX_COLUMNS:
            raise SegmentUnreadable(
                f"The objects have {len(keys):,} different keys; {MAX_COLUMNS:,} is the most.",
                code="too-many-columns",
                remedy="Export fewer attributes.",
            )
        self.columns = list(keys)

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        columns = self.columns
        sample, self._sample = self._sample, []
        for number, row in chain(sample, self._objects):
            yield number, list(map(row.get, columns))

    def _read_objects(self, blocks: Iterator[LineBlock]) -> Iterator[_Row]:
        window = LineWindow(blocks)
        while (line := window.peek()) is not None and not line.strip():
            window.skip()
        if (line or "").lstrip().startswith("["):
            return self._read_array(window)
        if (line or "").strip() == "{":
            raise _spread_over_lines()
        return self._read_lines(window)

    def _read_lines(self, window: LineWindow) -> Iterator[_Row]:
        parse = orjson.loads
        while lines := window.rest():
            for number, line in enumerate(lines, window.number):
                try:
                    row = None if _is_too_long(line) else parse(line)
                except orjson.JSONDecodeError:
                    row = None
                if type(row) is not dict:
                    if line.strip():
                        self._refuse(number, line)
                    continue
                self._characters += len(line)
                yield number, row if line.count("{") == 1 and "[" not in line else _flatten(row)
            window.skip(len(lines))

    def _read_array(self, window: LineWindow) -> Iterator[_Row]:
        """Read ``[{…},`` … ``{…}]``, where each line holds whole objects; raises SegmentUnreadable otherwise."""
        is_first, is_open = True, True
        while lines := window.rest():
            for number, line in enumerate(lines, window.number):
                text = line.strip()
                if text and (not is_open or _is_too_long(line)):
                    self._refuse(number, line)
                    continue
                if is_first:
                    text = text.removeprefix("[").lstrip()
                if text.endswith("]"):
                    text, is_open = text[:-1].rstrip(), False
                try:
                    rows = orjson.loads(f"[{text.removesuffix(',')}]")
                except orjson.JSONDecodeError:
                    if self._characters == 0:
                        raise _spread_over_lines() from None
                    rows = [None]
                for row in rows:
                    if type(row) is dict:
                        self._characters += len(line)
                        yield number, _flatten(row)
                    else:
                        self._refuse(number, line)
                is_first = False
            window.skip(len(lines))
        if is_open:
            raise SegmentUnreadable(
                "The JSON array is not closed: the file ends in the middle.",
                code="json-truncated",
                remedy="Upload the whole file again.",
            )

    def _refuse(self, number: int, line: str) -> None:
        if _is_too_long(line):
            detail = f"the line has more than {MAX_RECORD_CHARACTERS:,} characters"
            row = BrokenRow(number, None, BrokenCode.LINE_TOO_LONG, detail)
        elif UNDECODABLE in line:
            row = BrokenRow(number, None, BrokenCode.BAD_ENCODING, "bytes that are not text")
        else:
            row = BrokenRow(number, None, BrokenCode.BAD_JSON, "not one JSON object")
        self._on_broken(row)


def _is_too_long(line: str) -> bool:
    """Tell whether it is only the beginning of a line, or part of one, which may look like whole JSON."""
    return len(line) > MAX_RECORD_CHARACTERS


def _flatten(row: dict[str, object]) -> dict[str, object]:
    """Return the row with nested objects and arrays as compact JSON text."""
    return {
        key: orjson.dumps(value).decode() if isinstance(value, dict | list) else value
        for key, value in row.items()
    }


def _spread_over_lines() -> SegmentUnreadable:
    return SegmentUnreadable(
        "The JSON objects are spread over several lines.",
        code="json-not-line-wise",
        remedy="Write each object on one line (JSON lines), or use CSV or Parquet.",
    )
