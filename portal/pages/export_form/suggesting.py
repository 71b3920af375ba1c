"""Filling in what the names and first rows of a segment suggest, without touching what a person has chosen."""

import json
from collections.abc import Mapping

from portal.pages.export_form.draft import Draft, FieldRow, field_row
from portal.web import Request
from shared.domain.errors import SegpilotError
from shared.domain.segment import Segment
from shared.usecases.exports.mappings import MappingSuggestion

_MOST_CONSENTS = 5


def suggest(
    request: Request, draft: Draft, known: Mapping[str, Segment], *, anew: bool = False
) -> SegpilotError | None:
    """Fill in what is suggested for the first chosen segment that has arrived, once for each segment and connection
    unless ``anew``. Returns what was in the way; the form can be filled in without it."""
    segment = find_sample(draft, known)
    if segment is None or not draft.connection:
        return None
    pair = pair_of(segment, draft.connection)
    if not anew and draft.offered.suggested_for == pair:
        return None
    draft.offered.suggested_for = pair
    try:
        found = request.app.mappings.suggest(segment, draft.connection, request.principal)
    except SegpilotError as problem:
        draft.offered.fields, draft.offered.consents = [], []
        return problem
    _fill_in(draft, found)
    return None


def find_sample(draft: Draft, known: Mapping[str, Segment]) -> str | None:
    return next((row.name for row in draft.chosen if row.name in known), None)


def pair_of(segment: str, connection: str) -> str:
    return json.dumps([segment, connection])


def take_offer(draft: Draft, place: int) -> None:
    """Add the row that an offer proposes."""
    if 0 <= place < len(draft.offered.fields):
        draft.fields.append(field_row(draft.offered.fields.pop(place)))


def take_consent(draft: Draft, place: int) -> None:
    if 0 <= place < len(draft.offered.consents):
        draft.consent = draft.offered.consents[place]


def take_all_offers(draft: Draft) -> None:
    draft.fields += map(field_row, draft.offered.fields)
    draft.offered.fields = []


def _fill_in(draft: Draft, found: MappingSuggestion) -> None:
    if not draft.email.strip() or draft.email == draft.offered.suggested_email:
        draft.email = draft.offered.suggested_email = found.email_column or ""
    by_field = {mapping.field: mapping for mapping in found.fields}
    for row in draft.fields:
        if row.is_left_out or (row.column and row.column == row.suggested):
            proposed = None if row.type else by_field.get(row.field)
            row.column = row.suggested = (proposed and proposed.column) or ""
    draft.offered.consents = found.consent_columns[:_MOST_CONSENTS]
    taken, used = {_key(row) for row in draft.fields}, {row.column for row in draft.fields}
    draft.offered.fields = [
        mapping
        for mapping in (*found.fields, *found.custom_fields)
        if (mapping.field, mapping.type is None) not in taken and mapping.column not in used
    ]


def _key(row: FieldRow) -> tuple[str, bool]:
    return row.field, not row.type
