"""Targets: one function of bytes per parser that is ours. It returns when the parser kept its promises, else it raises.

`explore.py` lets coverage guide what is given to them, and the tests repeat what was found that way.
"""

import base64
import contextlib
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import orjson
import requests
from pydantic import ValidationError

from functions.principal import signed_in
from portal.forms import read_form, read_query
from shared.adapters.autopilot.client import _retry_after_s
from shared.domain.cast_failure import CastFailure
from shared.domain.email_address import EmailFault, explain_email, normalise_email
from shared.domain.errors import Forbidden, Invalid, SegmentUnreadable
from shared.domain.export import DateOrder, FieldType
from shared.domain.schedule import Refresh, Schedule, check_refresh, check_schedule, slots
from shared.domain.segment import SnapshotFile, SourceFormat
from shared.domain.values import make_caster
from shared.pipeline.layouts import (
    ManifestFile,
    Partition,
    PlainFile,
    classify,
    in_order,
    part_group,
    read_drop_manifest,
    read_manifest,
)
from shared.pipeline.reading import BrokenRow, JsonRows, open_rows
from shared.pipeline.reading.csv_rows import CsvRows
from shared.pipeline.reading.encoding import UNDECODABLE, decode_blocks
from shared.pipeline.reading.lines import cut_lines
from shared.pipeline.staging.columns import find_column

_DELIMITERS = (None, ",", ";", "\t", "|", "~")
_FORMATS = tuple(SourceFormat)
_FOLDER = "CustomerInsights_1/Export/"
_CASTERS = [(kind, make_caster(kind, date_order=order)) for kind in FieldType for order in DateOrder]
_AT = datetime(2026, 3, 1, tzinfo=UTC)


def require_sentence(problem: SegmentUnreadable | Invalid) -> None:
    """A refusal says what is wrong, and a file's also what to do, short enough to be read."""
    assert problem.message.endswith("."), problem.message
    assert len(problem.message) + len(problem.remedy) < 12_000
    assert isinstance(problem, Invalid) or problem.remedy, problem.message


def pieces(data: bytes, size_bytes: int) -> Iterator[bytes]:
    return (data[at : at + size_bytes] for at in range(0, len(data), size_bytes))


def read_file(
    data: bytes, name: str, source_format: SourceFormat = SourceFormat.AUTO, **options: object
) -> tuple[list[str], list[tuple[int, list[object]]], list[BrokenRow]]:
    """Read a whole file; returns columns, rows and broken rows. Nothing may be left on disk."""
    broken: list[BrokenRow] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            reader = open_rows(
                io.BytesIO(data),
                name=name,
                on_broken=broken.append,
                scratch=Path(folder),
                source_format=source_format,
                **{"max_uncompressed_bytes": 8 << 20, **options},
            )
            rows = [(line, list(values)) for line, values in reader]
        finally:
            assert not list(Path(folder).iterdir())
    assert {len(values) for _, values in rows} <= {len(reader.columns)}
    assert len({column.casefold() for column in reader.columns}) == len(reader.columns) or name.endswith(
        "json"
    )
    return reader.columns, rows, broken


def fuzz_csv(data: bytes) -> None:
    """However a file is cut into blocks, the same rows come out."""
    delimiter, content = _DELIMITERS[data[0] % 6] if data else None, data[1:]
    has_header = [None, True, False][data[0] // 6 % 3] if data else None
    try:
        read_file(content, "people.csv", _FORMATS[data[0] % len(_FORMATS)] if data else SourceFormat.AUTO)
    except SegmentUnreadable as problem:
        require_sentence(problem)
    told = [_csv_rows(content, size, delimiter or ",", has_header) for size in (1 << 20, 1 + len(data) % 13)]
    assert told[0] == told[1]


def _csv_rows(content: bytes, size_bytes: int, delimiter: str, has_header: bool | None) -> object:
    broken: list[BrokenRow] = []
    try:
        blocks = pieces(b"\xef\xbb\xbf" + content, size_bytes + 3)
        reader = CsvRows(
            cut_lines(decode_blocks(blocks)), broken.append, delimiter=delimiter, has_header=has_header
        )
        rows = [(line, list(values)) for line, values in reader]
    except SegmentUnreadable as problem:
        require_sentence(problem)
        return problem.reason
    lines = sorted([line for line, _ in rows] + [row.line for row in broken])
    assert len(set(lines)) == len(lines)
    return reader.columns, rows, broken


def fuzz_encoding(data: bytes) -> None:
    """What is not sound is marked, and what is marked is not sound."""
    size = 1 + (data[0] if data else 0)
    texts = list(decode_blocks(pieces(data[1:], size)))
    assert all(sound == (UNDECODABLE not in text) for text, sound in texts)
    text = data[1:].decode("utf-8", "replace").lstrip("\0")  # after its mark, it would be that of UTF-32
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        decoded = "".join(text for text, _ in decode_blocks(pieces(text.encode(encoding), 4 + size)))
        assert decoded == text, encoding


def fuzz_json(data: bytes) -> None:
    """However a file is cut into blocks, the same rows come out; and lines of JSON are what a JSON parser says."""
    if not data:
        return
    try:
        read_file(data[1:], "people.json", _FORMATS[data[0] % len(_FORMATS)])
    except SegmentUnreadable as problem:
        require_sentence(problem)
    content = b"\xef\xbb\xbf" + data[1:]
    told = [_json_rows(content, size) for size in (1 << 20, 5 + data[0] % 13)]
    assert told[0] == told[1]


def _json_rows(content: bytes, size_bytes: int) -> object:
    # The first line tells whether objects have lines of their own, and is not cut: blocks are much longer.
    first = len(content) - len(content[3:].lstrip()) + content[3:].lstrip().find(b"\n") + 1
    broken: list[BrokenRow] = []
    try:
        reader = JsonRows(
            decode_blocks(chain([content[:first]], pieces(content[first:], size_bytes))), broken.append
        )
        rows = [(line, list(values)) for line, values in reader]
    except SegmentUnreadable as problem:
        require_sentence(problem)
        return problem.reason
    return reader.columns, rows, broken


def fuzz_zip(data: bytes) -> None:
    source_format = _FORMATS[data[0] % len(_FORMATS)] if data else SourceFormat.AUTO
    try:
        read_file(b"PK\x03\x04" + data[1:], "people.zip", source_format)
    except SegmentUnreadable as problem:
        require_sentence(problem)


def fuzz_gzip(data: bytes) -> None:
    try:
        read_file(b"\x1f\x8b" + data, "people.csv.gz")
    except SegmentUnreadable as problem:
        require_sentence(problem)


def fuzz_email(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    normal = normalise_email(text)
    if normal is None:
        assert isinstance(explain_email(text), EmailFault)
        return
    assert normalise_email(normal) == normal
    assert normal.count("@") == 1
    assert len(normal.encode()) <= 254
    assert normal == normal.lower()
    assert normal.isprintable() or not any(character in normal for character in "\t\r\n\0 ")


def fuzz_values(data: bytes) -> None:
    """Casters never raise, and give what they are for or the reason why not."""
    text = data.decode("utf-8", "replace")
    values: list[object] = [text] if text.strip() else []
    with contextlib.suppress(orjson.JSONDecodeError):
        values.append(orjson.loads(data))
    kinds = {
        FieldType.STRING: str,
        FieldType.INTEGER: int,
        FieldType.FLOAT: float,
        FieldType.BOOLEAN: bool,
        FieldType.DATE: date,
    }
    for value in values:
        if value is None or isinstance(value, dict | list) or value == "":
            continue
        for kind, caster in _CASTERS:
            result = caster(value)
            assert isinstance(result, kinds[kind] | CastFailure), (kind, value, result)
            assert not isinstance(result, float) or math.isfinite(result)
            assert kind is not FieldType.INTEGER or isinstance(result, CastFailure) or abs(result) <= 2**63


def fuzz_names(data: bytes) -> None:
    """A name belongs to the segment of its folder, or to none."""
    name = data.decode("utf-8", "replace")
    place = classify(name)
    part_group(name)
    if isinstance(place, PlainFile | Partition):
        assert name.startswith(place.source)
        assert 0 < len(place.segment) <= 500
        assert place.segment.isprintable() or not any(character < " " for character in place.segment)
        assert {"", ".", ".."}.isdisjoint(name.split("/"))
    if isinstance(place, ManifestFile):
        assert name.startswith(place.folder)
    names = name.split("|")
    blobs = [(SnapshotFile(name=each, etag="1", size_bytes=1), _AT) for each in names]
    assert sorted(file.name for file, _ in in_order(blobs)) == sorted(names)


def fuzz_manifest(data: bytes) -> None:
    """A manifest names files below its own folder, or it is refused."""
    for read in (read_manifest, read_drop_manifest):
        try:
            found = read(_FOLDER + "model.json", data)
        except SegmentUnreadable as problem:
            require_sentence(problem)
            continue
        names = list(found) if isinstance(found, dict) else [n for table in found for n in table.partitions]
        assert all(name.startswith(_FOLDER) and ".." not in name.split("/") for name in names)


def fuzz_multipart(data: bytes) -> None:
    head, _, body = data.partition(b"\n")
    kinds = [
        f"multipart/form-data; boundary={head.decode('latin-1')}",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        head.decode("latin-1"),
    ]
    for kind in kinds:
        try:
            form = read_form(body, kind)
        except Invalid as problem:
            require_sentence(problem)
        else:
            for name in form:
                assert isinstance(form.get(name), str)
                form.numbers(name)
    try:
        read_query(data.decode("latin-1"))
    except Invalid as problem:
        require_sentence(problem)


def fuzz_headers(data: bytes) -> None:
    """No header that a caller or a destination could send breaks anything."""
    answer = requests.Response()
    answer.headers["Retry-After"] = data.decode("latin-1")
    wait_s = _retry_after_s(answer)
    assert wait_s is None or 0 <= wait_s <= 24 * 3600
    with patch.dict(os.environ, {"WEBSITE_AUTH_ENABLED": "true"}):
        for token in (data.decode("latin-1"), base64.b64encode(data).decode()):
            try:
                person = signed_in({"x-ms-client-principal": token}, None)
            except Forbidden:
                continue
            assert person is None or person.name


def fuzz_schedules(data: bytes) -> None:
    """What is accepted as a schedule has moments, in order, within what was asked for."""
    for model, check in ((Schedule, check_schedule), (Refresh, check_refresh)):
        try:
            schedule = model.model_validate_json(data)
        except ValidationError:
            continue
        if check(schedule):
            continue
        until = _AT + timedelta(days=40)
        found = list(slots(schedule, _AT, until))
        assert found == sorted(set(found))
        assert all(_AT < moment <= until for moment in found)


def fuzz_columns(data: bytes) -> None:
    """A header of any names gives unlike names, and each is found again."""
    names = data.decode("utf-8", "replace").replace("\r", "").split("\n")
    try:
        columns, _, _ = read_file(json.dumps([dict.fromkeys(names, 1)]).encode(), "people.json")
    except SegmentUnreadable as problem:
        require_sentence(problem)
        return
    for at, column in enumerate(columns):
        assert find_column(columns, column) == at


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "csv": fuzz_csv,
    "encoding": fuzz_encoding,
    "json": fuzz_json,
    "zip": fuzz_zip,
    "gzip": fuzz_gzip,
    "email": fuzz_email,
    "values": fuzz_values,
    "names": fuzz_names,
    "manifest": fuzz_manifest,
    "multipart": fuzz_multipart,
    "headers": fuzz_headers,
    "schedules": fuzz_schedules,
    "columns": fuzz_columns,
}
