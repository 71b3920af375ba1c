"""Lists as people read them: sorted by a column they choose, page by page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from shared.domain.errors import Invalid

T = TypeVar("T")
Columns = Mapping[str, Callable[[T], object]]
"""What each column sorts by. The values of a column are of one type; None comes last either way."""


def sort_by(
    views: Iterable[T], columns: Columns[T], wanted: str, *, things: str, tie: Callable[[T], object]
) -> list[T]:
    """Sort by the column ``wanted``, downwards with ``-`` before it; equal ones by ``tie``.

    Raises Invalid for a column that there is not.
    """
    name, downwards = wanted.removeprefix("-"), wanted.startswith("-")
    if name not in columns:
        raise Invalid(
            f"{things} cannot be sorted by '{name[:40]}'.",
            errors=[{"pointer": "/sort", "detail": "no such column"}],
            remedy=f"Choose one of {', '.join(columns)}; put '-' before it to turn the order round.",
        )
    key = columns[name]
    ordered = sorted(views, key=tie)  # type: ignore[arg-type] # each column has values of one type
    known = [view for view in ordered if key(view) is not None]
    known.sort(key=key, reverse=downwards)  # type: ignore[arg-type]
    return known + [view for view in ordered if key(view) is None]


def page_after(
    views: Sequence[T], after: str | None, size: int, key: Callable[[T], str]
) -> tuple[list[T], str | None]:
    """Return the page that follows what ``after`` names, and the key that the next page is to follow, or None.

    Raises Invalid when what ``after`` names is not in the list any more.
    """
    start = 0
    if after is not None:
        start = next((place for place, view in enumerate(views, 1) if key(view) == after), -1)
        if start < 0:
            raise Invalid(
                "The list has changed: what the page before ended with is gone.",
                code="page-gone",
                remedy="Read the list from its beginning, without 'after'.",
            )
    shown = list(views[start : start + size])
    return shown, key(shown[-1]) if start + size < len(views) and shown else None
