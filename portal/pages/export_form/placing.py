"""Where errors stand in the form."""

from collections.abc import Callable, Mapping, Sequence

from portal.forms import FieldErrors
from portal.reader import say
from shared.domain.errors import Invalid
from shared.domain.export import FieldMapping
from shared.usecases.exports.forms import NewExport

CheckMapping = Callable[[Sequence[FieldMapping]], None]
_ORDER = (
    "",
    "connection",
    "name",
    "segments",
    "segment",
    "email",
    "field",
    "new",
    "consent",
    "leavers",
    "max",
)


def sort_errors(errors: FieldErrors) -> None:
    """Put errors into the order of the form."""
    known = errors.messages
    errors.messages = {name: known[name] for name in sorted(known, key=_place)}


def _place(name: str) -> tuple[int, int]:
    """Return where a field of the form stands: in which part, and in which row of it."""
    kind, *rest = name.split("-")
    row = int(rest[0]) if rest and rest[0].isdigit() else -1
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER), row


def place_mapping_errors(
    problem: Invalid,
    new: NewExport,
    check_mapping: CheckMapping,
    names: Mapping[str, str],
    errors: FieldErrors,
) -> None:
    """Add what the destination finds wrong with a mapping, each beside its field; what fits none stands below them."""
    open_details = [each["detail"] for each in problem.errors]
    for place, mapping in enumerate(new.mappings()):
        try:
            check_mapping([mapping])
        except Invalid as own:
            for each in own.errors:
                errors.add(names[f"/fields/{place}"], say(each["detail"]))
                open_details = [detail for detail in open_details if detail != each["detail"]]
    seen = set()
    for place, mapping in enumerate(new.mappings()):
        if (key := (mapping.field, mapping.type is None)) in seen:
            for detail in [each for each in open_details if f"'{mapping.field}'" in each]:
                errors.add(names[f"/fields/{place}"], say(detail))
                open_details.remove(detail)
        seen.add(key)
    for detail in open_details:
        errors.add(names["/fields"], say(detail))
