"""What the buttons do that save nothing: each changes the draft, and the page is shown again."""

import re

from portal.pages.export_form.draft import Draft, FieldRow
from portal.pages.export_form.suggesting import take_all_offers, take_consent, take_offer
from portal.reader import reader

CUSTOM = ":custom"
_numbered = re.compile(r"(remove-field|offer|consent|remove-time|preview)-(\d{1,4})").fullmatch


def press(draft: Draft, button: str, new_field: str) -> str:
    """Do what a button says. Returns the name of the form's field in which to go on, or nothing."""
    what, place = button, 0
    if found := _numbered(button):
        what, place = found[1], int(found[2])
    match what:
        case "segments-next":
            draft.page += 1
        case "segments-previous":
            draft.page -= 1
        case "search":
            draft.page = 0
        case "add-field":
            return _add_field(draft, new_field)
        case "remove-field" if place < len(draft.fields):
            del draft.fields[place]
            return "new-field"
        case "offer":
            take_offer(draft, place)
            return "offers-0" if draft.offered.fields else "new-field"
        case "consent":
            take_consent(draft, place)
            return "consent"
        case "offer-all":
            take_all_offers(draft)
            return "new-field"
        case "add-time":
            draft.schedule.times = [*draft.schedule.times, ""]
            return f"time-{len(draft.schedule.times) - 1}"
        case "remove-time":
            del draft.schedule.times[place : place + 1]
            return "add-time"
    return ""


def preview_start(button: str) -> int | None:
    """Return from which segment on to show a preview; None when it is not asked for."""
    if button == "preview":
        return 0
    found = _numbered(button)
    return int(found[2]) if found and found[1] == "preview" else None


def _add_field(draft: Draft, wanted: str) -> str:
    if wanted and wanted != CUSTOM:
        draft.fields.append(FieldRow(wanted))
        return f"field-{len(draft.fields) - 1}-column"
    order = "mdy" if reader().language.code == "en" else "dmy"
    draft.fields.append(FieldRow("", type="string", date_order=order))
    return f"field-{len(draft.fields) - 1}-field"
