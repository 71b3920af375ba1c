"""Markers: how files say that somebody leaves."""

import re

from shared.pipeline.reading.rows import NotAsDeclared

is_adobe_status = re.compile(r"segmentMembership[._](.+[._])?status", re.IGNORECASE).fullmatch
"""Adobe Experience Platform calls the column ``segmentMembership.status``; nested profiles have names between."""

_ADOBE_STATUSES = {"active": False, "realized": False, "existing": False, "expired": True, "exited": True}
_ACTIONS = {"true": False, "false": True}

_deletes = re.compile(r"(?:^|/)IncrementalData/(?:\d+/)+(Upserts|Deletes)/", re.IGNORECASE)


def adobe_leaves(status: object, column: str) -> bool:
    """Tell whether a segment membership has ended; raises NotAsDeclared for other words."""
    return _decide(_ADOBE_STATUSES, status, column)


def action_leaves(action: object, column: str) -> bool:
    """Tell what Segment's ``audience_action`` means; raises NotAsDeclared unless it is true or false."""
    return _decide(_ACTIONS, action, column)


def folder_leaves(name: str) -> bool | None:
    """Tell whether all people of a file leave, by the folder it lies in; None when folders do not say it."""
    found = _deletes.search(name)
    return found[1].lower() == "deletes" if found else None


def _decide(words: dict[str, bool], value: object, column: str) -> bool:
    leaves = words.get(str(value).strip().lower())
    if leaves is None:
        raise NotAsDeclared("a word that does not say whether the person is in the segment", column)
    return leaves
