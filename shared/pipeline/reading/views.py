"""Views: how the tables (CSV, Parquet) of a source format become rows of profiles."""

import re
from collections.abc import Callable, Iterator, Sequence

import orjson

from shared.domain.segment import SourceFormat
from shared.pipeline.reading.markers import action_leaves, adobe_leaves, is_adobe_status
from shared.pipeline.reading.rows import (
    LEAVES_COLUMN,
    BrokenCode,
    BrokenRow,
    NotAsDeclared,
    OnBroken,
    RowReader,
)

Values = Sequence[object]
Convert = Callable[[Values], Values | None]
"""Returns the row that is shown, None for one that is passed over, or raises NotAsDeclared."""

_is_email = re.compile(r"email(_\d+)?").fullmatch


class View:
    """The rows of another reader, converted."""

    columns: list[str]

    def __init__(self, rows: RowReader, columns: list[str], convert: Convert, on_broken: OnBroken) -> None:
        self.columns = columns
        self._rows, self._convert, self._on_broken = rows, convert, on_broken

    def __iter__(self) -> Iterator[tuple[int, Values]]:
        for line, values in self._rows:
            try:
                row = self._convert(values)
            except NotAsDeclared as problem:
                code = BrokenCode.NOT_AS_DECLARED
                self._on_broken(BrokenRow(line, problem.column, code, problem.detail))
                continue
            if row is not None:
                yield line, row


def view_table(rows: RowReader, source_format: SourceFormat, on_broken: OnBroken) -> RowReader:
    """Show a table as rows of profiles; one that is so already stays as it is."""
    find = _VIEWS.get(source_format)
    found = find(rows.columns) if find else None
    return View(rows, *found, on_broken) if found else rows


def view_marked(rows: RowReader, leaves: bool, on_broken: OnBroken) -> RowReader:
    """Show rows of people who all leave, or all stay."""
    return View(rows, [*rows.columns, LEAVES_COLUMN], lambda values: [*values, leaves], on_broken)


def _view_adobe(columns: list[str]) -> tuple[list[str], Convert] | None:
    marker = next(filter(is_adobe_status, columns), None)
    if marker is None:
        return None
    return _marked(columns, marker, adobe_leaves, without={marker})


def _view_segment(columns: list[str]) -> tuple[list[str], Convert] | None:
    """A file of the S3 action has ``audience_action`` (Segment, action-destinations, "AWS S3"); a download of
    Engage has ``external_ids`` (Segment documentation, "Engage Audiences")."""
    known = {name.casefold(): name for name in columns}
    if "external_ids" in known:
        return _view_download(columns, known["external_ids"])
    if "audience_action" in known:
        marker = known["audience_action"]
        return _marked(columns, marker, action_leaves, without={marker, known.get("batch_size", marker)})
    return None


def _view_download(columns: list[str], ids: str) -> tuple[list[str], Convert]:
    """Somebody with several addresses has one in each of email, email_1, …: the first counts."""
    emails = [place for place, name in enumerate(columns) if _is_email(name.casefold())]
    kept = [place for place in range(len(columns)) if place not in emails]
    ids_at = columns.index(ids)

    def convert(values: Values) -> Values:
        if emails:
            email = next((values[place] for place in emails if str(values[place] or "").strip()), "")
        else:
            email = _first_email(values[ids_at], ids)
        return [email, *(values[place] for place in kept)]

    return ["email", *(columns[place] for place in kept)], convert


def _first_email(cell: object, column: str) -> object:
    """Read ``{"email": ["a@example.com", …], …}``. Segment's own sample has typographic quotes in it."""
    try:
        ids = orjson.loads(str(cell or "{}").replace("“", '"').replace("”", '"'))
        found = ids.get("email") or [""]
        return found if isinstance(found, str) else found[0]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise NotAsDeclared("not a JSON object of external ids", column) from None


def _view_mparticle(columns: list[str]) -> tuple[list[str], Convert] | None:
    """A downloaded audience has a row per identity of a person (mParticle documentation, "Real-time Audiences")."""
    known = {name.casefold(): place for place, name in enumerate(columns)}
    if not {"identity_type", "identity_value"} <= known.keys():
        return None
    type_at, value_at = known["identity_type"], known["identity_value"]
    kept = [place for place in range(len(columns)) if place not in (type_at, value_at)]

    def convert(values: Values) -> Values | None:
        if str(values[type_at]).strip().lower() != "email":
            return None
        return [values[value_at], *(values[place] for place in kept)]

    return ["email", *(columns[place] for place in kept)], convert


def _marked(
    columns: list[str], marker: str, leaves: Callable[[object, str], bool], without: set[str]
) -> tuple[list[str], Convert]:
    """Show what a column says of leaving as LEAVES_COLUMN."""
    marker_at = columns.index(marker)
    kept = [place for place, name in enumerate(columns) if name not in without]

    def convert(values: Values) -> Values:
        return [*(values[place] for place in kept), leaves(values[marker_at], marker)]

    return [*(columns[place] for place in kept), LEAVES_COLUMN], convert


_VIEWS: dict[SourceFormat, Callable[[list[str]], tuple[list[str], Convert] | None]] = {
    SourceFormat.ADOBE: _view_adobe,
    SourceFormat.MPARTICLE: _view_mparticle,
    SourceFormat.SEGMENT: _view_segment,
}
