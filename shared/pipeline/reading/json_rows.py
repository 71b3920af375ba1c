"""JSON: one object per line, or an array, or objects one after the other, however they are spread over lines."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import orjson

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading.encoding import UNDECODABLE
from shared.pipeline.reading.header import check_names
from shared.pipeline.reading.json_values import JsonValues, UnreadableValue
from shared.pipeline.reading.lines import LineWindow, cut_lines
from shared.pipeline.reading.rows import (
    LEAVES_COLUMN,
    MAX_COLUMNS,
    MAX_RECORD_CHARACTERS,
    BrokenCode,
    BrokenRow,
    NotAsDeclared,
    OnBroken,
)
from shared.pipeline.reading.shapes import Shape

_SAMPLE_ROWS = 1000
_SAMPLE_CHARACTERS = 16 * 1024 * 1024

_Row = tuple[int, Mapping[str, object]]


class JsonRows:
    """The rows of a JSON file. The columns are the keys of the first rows; keys that only come later are left out.

    Nested objects and arrays become compact JSON text. ``shape`` makes rows of objects that are none yet; a file may
    then have objects but no rows. Raises SegmentUnreadable if there is no object to begin with.
    """

    columns: list[str]

    def __init__(
        self,
        texts: Iterator[tuple[str, bool]],
        on_broken: OnBroken,
        *,
        columns: Sequence[str] | None = None,
        shape: Shape | None = None,
    ) -> None:
        self._on_broken, self._shape = on_broken, shape
        self._characters = 0
        self._has_objects = False
        self._objects = self._read_objects(texts)
        self._sample: list[_Row] = []
        keys = dict.fromkeys([*(columns or ()), *(shape.columns if shape else ())])
        for row in self._objects:
            self._sample.append(row)
            keys.update(dict.fromkeys(row[1]))
            if len(self._sample) == _SAMPLE_ROWS or self._characters > _SAMPLE_CHARACTERS:
                break
        if not self._has_objects:
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
        check_names(keys)
        if shape and shape.says_leaves:
            keys.pop(LEAVES_COLUMN, None)
            keys[LEAVES_COLUMN] = None
            self.columns = list(keys)
        else:
            self.columns = [f"{key}_2" if key == LEAVES_COLUMN else key for key in keys]
        self._keys = list(keys)

    def __iter__(self) -> Iterator[tuple[int, Sequence[object]]]:
        keys = self._keys
        sample, self._sample = self._sample, []
        for number, row in chain(sample, self._objects):
            yield number, list(map(row.get, keys))

    def _read_objects(self, texts: Iterator[tuple[str, bool]]) -> Iterator[_Row]:
        head: list[tuple[str, bool]] = []
        for text, sound in texts:
            head.append((text, sound))
            if text.strip():
                break
        beginning = head[-1][0].lstrip() if head else ""
        texts = chain(head, texts)
        if beginning.startswith("[") or beginning.partition("\n")[0].strip() == "{":
            return self._read_values(JsonValues(texts))
        return self._read_lines(LineWindow(cut_lines(texts)))

    def _read_lines(self, window: LineWindow) -> Iterator[_Row]:
        parse, shape = orjson.loads, self._shape
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
                self._has_objects = True
                self._characters += len(line)
                if shape is None and line.count("{") == 1 and "[" not in line:
                    yield number, row
                else:
                    yield from self._convert(number, row)
            window.skip(len(lines))

    def _read_values(self, values: JsonValues) -> Iterator[_Row]:
        for number, value in values:
            if isinstance(value, UnreadableValue):
                self._on_broken(BrokenRow(number, None, value.code, value.detail))
                continue
            self._has_objects = True
            self._characters = values.characters
            yield from self._convert(number, value)

    def _convert(self, number: int, thing: Mapping[str, object]) -> Iterator[_Row]:
        """Yield the row that an object makes, with nested objects and arrays as compact JSON text, if it makes one."""
        try:
            row = self._shape.convert(thing) if self._shape else thing
            flat = row and {
                key: orjson.dumps(value).decode() if isinstance(value, dict | list) else value
                for key, value in row.items()
            }
        except NotAsDeclared as problem:
            code = BrokenCode.NOT_AS_DECLARED
            self._on_broken(BrokenRow(number, problem.column, code, problem.detail))
        except (orjson.JSONEncodeError, RecursionError):
            self._on_broken(BrokenRow(number, None, BrokenCode.BAD_JSON, "nested too deeply"))
        else:
            if flat is not None:
                yield number, flat

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
