"""Reading the form back."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from portal.forms import Form
from portal.pages.export_form.draft import (
    COLUMN,
    OWN,
    Draft,
    FieldRow,
    Limits,
    Offered,
    ScheduleDraft,
    SegmentRow,
)
from shared.domain.export import Export, FieldMapping
from shared.domain.segment import Segment

_MAPPINGS: TypeAdapter[list[FieldMapping]] = TypeAdapter(list[FieldMapping])
_LISTS: TypeAdapter[list[tuple[str, str]]] = TypeAdapter(list[tuple[str, str]])
_COLUMNS: TypeAdapter[list[str]] = TypeAdapter(list[str])
_line_ends = re.compile(r"\r\n|\r|\n")


class Typed:
    """A form's texts as they were before the browser had them.

    Browsers turn line ends into CRLF, and take them out of text fields (HTML standard, form submission); ``known`` are
    texts that may have been shown, which get theirs back.
    """

    def __init__(self, form: Form, known: Iterable[str]) -> None:
        self.form = form
        shown = set(known)
        bent = [text for text in shown if "\n" in text or "\r" in text]
        self._straight = {changed: text for text in bent for changed in _bend(text) if changed not in shown}

    def text(self, name: str, default: str = "") -> str:
        value = self.form.raw(name, default)
        return self._straight.get(value, value)


def read_draft(form: Form, known: Iterable[str]) -> Draft:
    """Return what the form says; what it does not say is empty."""
    typed = Typed(form, known)
    return Draft(
        key=form.get("key")[:100],
        version=form.get("version"),
        connection=form.get("connection"),
        name=typed.text("name"),
        segments=list(_read_segments(typed)),
        search=form.raw("segment-search")[:200],
        page=_read_number(form.get("segment-page")),
        typed_segment=form.get("segment-typed"),
        email=typed.text("email"),
        consent=typed.text("consent"),
        fields=[_read_field(typed, f"field-{number}-") for number in form.numbers("field")],
        leavers=form.get("leavers"),
        limits=Limits(
            form.get("max-removals-share"),
            form.get("max-removals"),
            form.get("max-rejects-share"),
            form.get("max-rejects"),
        ),
        schedule=ScheduleDraft(
            recurrence=form.get("recurrence"),
            minute=form.get("minute"),
            times=form.all("times"),
            weekdays=form.all("weekdays"),
            days=form.all("days"),
            time_zone=form.get("time-zone"),
        ),
        active="active" in form,
        offered=_read_offered(typed),
    )


def texts_of(export: Export | None, segments: Iterable[Segment]) -> Iterator[str]:
    """Yield the texts that a form may have shown."""
    for segment in segments:
        yield segment.name
        yield from segment.columns or ()
    if export is None:
        return
    yield from (export.name, export.email_column, export.consent_column or "")
    for mapping in export.fields:
        yield from (mapping.field, mapping.column or "", mapping.constant or "", mapping.default or "")
    for choice in export.segments:
        yield from (choice.name, choice.list_name or "", choice.list_id or "")


def _read_segments(typed: Typed) -> Iterator[SegmentRow]:
    seen = set()
    for number in typed.form.numbers("segment"):
        at = f"segment-{number}-"
        name = typed.text(at + "name")
        if name and name not in seen:
            seen.add(name)
            yield SegmentRow(
                name=name,
                on=at + "on" in typed.form,
                list=typed.form.get(at + "list", OWN),
                list_name=typed.text(at + "list-name"),
                list_id=typed.text(at + "list-id"),
                list_was=typed.text(at + "list-was"),
                list_title=typed.text(at + "list-title"),
            )


def _read_field(typed: Typed, at: str) -> FieldRow:
    return FieldRow(
        field=typed.text(at + "field"),
        type=typed.form.get(at + "type"),
        fill=typed.form.get(at + "fill", COLUMN),
        column=typed.text(at + "column"),
        constant=typed.text(at + "constant"),
        date_order=typed.form.get(at + "date-order", "mdy"),
        blank=typed.form.get(at + "blank", "omit"),
        default=typed.text(at + "default"),
        suggested=typed.text(at + "suggested"),
    )


def _read_offered(typed: Typed) -> Offered:
    """It comes from the person's browser, and is only shown again."""
    offered = Offered(
        suggested_for=typed.text("suggested-for"),
        suggested_email=typed.text("suggested-email"),
        lists_of=typed.form.get("lists-of"),
    )
    with suppress(ValidationError):
        offered.fields = _MAPPINGS.validate_json(typed.form.raw("offers", "[]"))
    with suppress(ValidationError):
        offered.consents = _COLUMNS.validate_json(typed.form.raw("consents", "[]"))
    with suppress(ValidationError):
        offered.lists = _LISTS.validate_json(typed.form.raw("lists"))
    return offered


def write_offers(offered: Offered) -> Mapping[str, str]:
    """Return what the form's hidden fields hold of what is offered."""
    offers = [mapping.model_dump(mode="json", exclude_defaults=True) for mapping in offered.fields]
    return {
        "offers": json.dumps(offers),
        "consents": json.dumps(offered.consents),
        "lists": "" if offered.lists is None else json.dumps(list(offered.lists)),
    }


def _bend(text: str) -> tuple[str, str]:
    return _line_ends.sub("\r\n", text), _line_ends.sub("", text)


def _read_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
