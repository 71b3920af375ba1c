"""Which segments the form shows: the chosen ones, and a page of the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from portal.forms import FieldErrors
from portal.pages.export_form.draft import Draft, SegmentRow
from portal.reader import gettext as _
from shared.domain.segment import Segment, SegmentName

PAGE_SIZE = 20
_NAME: TypeAdapter[str] = TypeAdapter(SegmentName)


@dataclass(frozen=True)
class SegmentPages:
    """Where the page of all segments that fit the search begins and ends; counted from 1, 0 = there are none."""

    first: int
    last: int
    total: int
    has_previous: bool
    has_next: bool


def list_segments(draft: Draft, known: Sequence[Segment], *, anew: bool) -> SegmentPages:
    """Put the page of segments that fit the search behind the chosen ones.

    Unless ``anew``, rows stay where they are, so that nothing moves while somebody ticks.
    """
    words = draft.search.casefold().split()
    names = sorted(
        (each.name for each in known if all(word in each.name.casefold() for word in words)), key=str.casefold
    )
    last_page = max(0, (len(names) - 1) // PAGE_SIZE)
    draft.page = min(max(draft.page, 0), last_page)
    start = draft.page * PAGE_SIZE
    shown = names[start : start + PAGE_SIZE]
    if anew:
        chosen = {row.name for row in draft.chosen}
        draft.segments = [*draft.chosen, *(SegmentRow(name) for name in shown if name not in chosen)]
    return SegmentPages(
        start + 1 if shown else 0, start + len(shown), len(names), draft.page > 0, draft.page < last_page
    )


def take_typed_segment(draft: Draft, errors: FieldErrors) -> bool:
    """Choose the segment whose name was typed, and tell whether one was."""
    name = draft.typed_segment
    if not name:
        return False
    try:
        _NAME.validate_python(name)
    except ValidationError:
        errors.add("segment-typed", _("A segment's name has no slash and at most 500 characters."))
        return False
    draft.typed_segment = ""
    choose_segment(draft, name)
    return True


def choose_segment(draft: Draft, name: str) -> None:
    for row in draft.segments:
        if row.name == name:
            row.on = True
            return
    draft.segments.insert(len(draft.chosen), SegmentRow(name, on=True))
