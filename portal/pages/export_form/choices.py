"""What the form offers to choose from, beside what was typed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from portal.forms import FieldErrors
from portal.pages.export_form.columns import Column, find_columns
from portal.pages.export_form.draft import Draft, SegmentRow, draft_limits
from portal.pages.export_form.previewing import PreviewPage
from portal.pages.export_form.segment_picker import SegmentPages
from portal.pages.export_form.timing import say_schedule
from portal.pages.export_form.words import (
    DESTINATIONS,
    name_blanks,
    name_date_orders,
    name_fields,
    name_types,
)
from portal.reader import gettext as _
from portal.reader import ngettext
from portal.schedule_words import name_weekday
from portal.templating import path
from portal.time_zones import list_zones
from portal.web import Request
from shared.domain.access import Role
from shared.domain.errors import SegpilotError
from shared.domain.export import Export, TripWire
from shared.domain.schedule import Weekday
from shared.domain.segment import Segment
from shared.usecases.connections.views import View as ConnectionView

_MOST_OPTIONS = 5_000
"""More of them on a page make it slow: then columns and lists are offered while typing instead."""

_OPTION = Markup('<option value="{}">{}</option>')
_CHOSEN = Markup('<option value="{}" selected>{}</option>')


@dataclass
class ExportForm:
    """All that the templates need. ``present`` is the export that is edited, None for a new one.

    ``focus`` names the field in which to go on; ``added`` is the id of an export that this form has added already;
    ``is_gone``: the export was removed meanwhile. ``theirs`` is what somebody else has changed it to, and ``differences``
    name what differs from it.
    """

    request: Request
    draft: Draft
    present: Export | None
    known: Mapping[str, Segment]
    pages: SegmentPages
    errors: FieldErrors = field(default_factory=FieldErrors)
    problem: SegpilotError | None = None
    suggestion_problem: SegpilotError | None = None
    lists_problem: SegpilotError | None = None
    preview: PreviewPage | None = None
    focus: str = ""
    added: str = ""
    is_gone: bool = False
    theirs: Export | None = None
    differences: Sequence[str] = ()
    _options: dict[tuple[str, str], Markup] = field(default_factory=dict)

    @cached_property
    def connections(self) -> Sequence[tuple[str, Sequence[ConnectionView]]]:
        """The connections that the person may use, by destination."""
        found: dict[str, list[ConnectionView]] = {}
        for each in self.request.app.connections.list(self.request.principal):
            found.setdefault(DESTINATIONS.get(each.destination, each.destination), []).append(each)
        return sorted(found.items())

    @property
    def is_administrator(self) -> bool:
        return self.request.principal.role is Role.ADMINISTRATOR

    @property
    def may_have_no_connection(self) -> bool:
        return self.present is not None and self.present.connection_id is None

    @property
    def changes_account(self) -> bool:
        """Tell whether the export is to get another connection than the one that its lists were filled over."""
        former = self.present and (self.present.connection_id or self.present.detached_from)
        return bool(former and self.draft.connection and self.draft.connection != former)

    @cached_property
    def columns(self) -> list[Column]:
        return find_columns([row.name for row in self.draft.chosen], self.known)

    @cached_property
    def columns_are_listed(self) -> bool:
        """Tell whether every field has the columns to choose from, or they are only offered while typing."""
        return 0 < len(self.columns) * (len(self.draft.fields) + 2) <= _MOST_OPTIONS

    @cached_property
    def _column_options(self) -> tuple[list[Markup], dict[str, int]]:
        options = [_OPTION.format(each.name, _say_column(each)) for each in self.columns]
        return options, {each.name: place for place, each in enumerate(self.columns)}

    def column_options(self, chosen: str) -> Markup:
        """Return the options of a drop-down of columns. What is chosen stays, also when no segment has it."""
        options, places = self._column_options
        if chosen in places:
            options = options.copy()
            place = places[chosen]
            options[place] = _CHOSEN.format(chosen, _say_column(self.columns[place]))
        elif chosen:
            lacking = _("%(column)s – in none of the chosen segments", column=chosen)
            options = [_CHOSEN.format(chosen, lacking), *options]
        return Markup("").join(options)

    def lacking(self, column: str) -> Sequence[str]:
        """Return the chosen segments that lack a column, as far as their columns are known."""
        if not column.strip() or not self.columns:
            return ()
        exact, loose = self._lacking
        found = exact.get(column, loose.get(column.strip().casefold()))
        return [row.name for row in self.draft.chosen if row.name in self.known] if found is None else found

    @cached_property
    def _lacking(self) -> tuple[dict[str, Sequence[str]], dict[str, Sequence[str]]]:
        exact: dict[str, Sequence[str]] = {each.name: each.lacking for each in self.columns}
        loose = {name.casefold(): lacking for name, lacking in reversed(exact.items())}
        return exact, loose

    @property
    def open_fields(self) -> list[str]:
        """The standard fields that no row fills yet."""
        taken = {row.field for row in self.draft.fields if not row.type}
        return [name for name in self._standard_fields if name not in taken]

    @property
    def _standard_fields(self) -> Sequence[str]:
        app = self.request.app
        found = [
            each for _name, views in self.connections for each in views if each.id == self.draft.connection
        ]
        destination = found[0].destination if found else next(iter(app.destinations))
        return app.destinations[destination].standard_fields

    def list_options(self, row: SegmentRow) -> Markup:
        """Return the options of a drop-down of lists; the one that was chosen before is always among them."""
        lists = list(self.draft.offered.lists or ()) if self.lists_are_listed else []
        options = [("", _("Choose a list"))]
        if row.list_id and row.list_id not in dict(lists):
            options.append((row.list_id, (row.list_id == row.list_was and row.list_title) or row.list_id))
        return _join_options([*options, *((each, title or each) for each, title in lists)], row.list_id)

    @cached_property
    def lists_are_listed(self) -> bool:
        lists = self.draft.offered.lists or ()
        return len(lists) * len(self.draft.chosen) <= _MOST_OPTIONS

    @cached_property
    def size_warnings(self) -> Sequence[str]:
        names = [row.name for row in self.draft.chosen]
        return self.request.app.export_views.warn_of_size(names, self.draft.connection or None)

    @cached_property
    def schedule_words(self) -> str:
        """When the export would run, as one sentence."""
        return say_schedule(self.request, self.draft, self.present)

    @property
    def action(self) -> str:
        """Where the form is sent."""
        return path("exports", self.present.id, "edit") if self.present else path("exports", "new")

    @cached_property
    def words(self) -> dict[str, Any]:
        """What fields, types and rules are called."""
        return {
            "fields": name_fields(),
            "types": name_types(),
            "orders": name_date_orders(),
            "blanks": name_blanks(),
        }

    def options(self, kind: str, chosen: str) -> Markup:
        """Return the options of a drop-down of ``words``, one of them chosen."""
        made = self._options.get((kind, chosen))
        if made is None:
            made = _join_options(self.words[kind], chosen)
            self._options[kind, chosen] = made
        return made

    def minds(self, name: str) -> bool:
        """Tell whether there is anything to be said of a field of the form."""
        return self.focus == name or bool(self.errors.of(name))

    @property
    def limit(self) -> int:
        """How many profiles the app lets a run have."""
        return self.request.app.settings.max_profiles_per_run

    @property
    def has_own_limits(self) -> bool:
        return self.draft.limits != draft_limits(TripWire())

    @property
    def zones(self) -> Sequence[tuple[str, str]]:
        return list_zones()

    @property
    def weekdays(self) -> Sequence[tuple[str, str]]:
        return [(str(day), name_weekday(day)) for day in Weekday]


def _join_options(pairs: Iterable[tuple[str, str]], chosen: str) -> Markup:
    return Markup("").join(
        (_CHOSEN if value == chosen else _OPTION).format(value, text) for value, text in pairs
    )


def _say_column(column: Column) -> str:
    if not column.lacking:
        return column.name
    if len(column.lacking) == 1:
        return _("%(column)s – not in %(segment)s", column=column.name, segment=column.lacking[0])
    return ngettext(
        "%(column)s – not in %(count)s segment",
        "%(column)s – not in %(count)s segments",
        len(column.lacking),
        column=column.name,
    )
