"""The preview as tables: people as the destination gets them, and between them the rows that it would not get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.pages.export_form.words import name_fields
from portal.reader import gettext as _
from portal.web import Request
from portal.words import Explanation, explain_reason
from shared.domain.export import FieldMapping, FieldType
from shared.usecases.exports.forms import NewExport
from shared.usecases.exports.previews import DraftExport, NewPreview, SegmentPreview

AT_ONCE = 10
"""So many segments are read for one page."""


@dataclass(frozen=True)
class PreviewColumn:
    """A field by its name for people, and by the name under which the destination gets it."""

    title: str
    name: str


@dataclass(frozen=True)
class PreviewLine:
    """A line of the file: either the values that are sent, None where nothing is, or why it is rejected."""

    line: int
    cells: Sequence[str | None] = ()
    rejected: Explanation | None = None
    column: str | None = None


@dataclass(frozen=True)
class PreviewTable:
    shown: SegmentPreview
    columns: Sequence[PreviewColumn]
    lines: Sequence[PreviewLine]


@dataclass(frozen=True)
class PreviewPage:
    """``start`` is the place of the first segment shown among all of them, from 0."""

    tables: Sequence[PreviewTable]
    start: int
    total: int

    @property
    def last(self) -> int:
        return self.start + len(self.tables)


def make_preview(request: Request, new: NewExport, start: int) -> PreviewPage:
    """Read the beginning of AT_ONCE segments, from ``start`` on. Raises Invalid and Forbidden."""
    start = start if 0 < start < len(new.segments) else 0
    part = new.segments[start : start + AT_ONCE]
    wanted = DraftExport.model_validate({**dict(new), "segments": part})
    shown = request.app.previews.make(NewPreview(export=wanted), request.principal)
    mappings = new.mappings()
    return PreviewPage(
        [_make_table(each, mappings) for each in shown.segments], start=start, total=len(new.segments)
    )


def _make_table(shown: SegmentPreview, mappings: Sequence[FieldMapping]) -> PreviewTable:
    names = name_fields()
    columns = [PreviewColumn(_("Email"), "Email")] + [
        PreviewColumn(names.get(each.field, each.field) if each.type is None else each.field, each.field)
        for each in mappings
    ]
    people = [
        PreviewLine(each.line, [_write(value) for value in _in_order(each.person, mappings)])
        for each in shown.people
    ]
    rejects = [
        PreviewLine(each.line, rejected=explain_reason(each.reason), column=each.column)
        for each in shown.rejects
    ]
    return PreviewTable(shown, columns, sorted([*people, *rejects], key=lambda line: line.line))


def _in_order(person: Mapping[str, object], mappings: Sequence[FieldMapping]) -> list[Any]:
    custom = person.get("custom")
    values = {_custom_name(key): value for key, value in custom.items()} if isinstance(custom, dict) else {}
    missing = object()
    found = [person.get("Email", missing)]
    for mapping in mappings:
        value = values.get((str(mapping.type), mapping.field), missing) if mapping.type else missing
        found.append(person.get(mapping.field, missing) if value is missing else value)
    return [_Nothing if value is missing else value for value in found]


class _Nothing:
    """Stands for a field that is not sent."""


def _custom_name(key: str) -> tuple[str, str]:
    """Read the name of a custom field as it is sent: ``type--Name--With--Spaces``."""
    kind, _sign, name = key.partition("--")
    return (kind, name.replace("--", " ")) if kind in list(FieldType) else ("", key)


def _write(value: object) -> str | None:
    if value is _Nothing:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
