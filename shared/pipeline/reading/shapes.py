"""Shapes: how the JSON objects of a source format become rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from shared.domain.segment import SourceFormat
from shared.pipeline.reading.markers import adobe_leaves, is_adobe_status
from shared.pipeline.reading.rows import LEAVES_COLUMN, NotAsDeclared

JsonObject = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """``convert`` returns the row of an object, None for one that is passed over, or raises NotAsDeclared.

    ``columns`` are there whatever the rows hold. With ``says_leaves`` each row has LEAVES_COLUMN.
    """

    convert: Callable[[JsonObject], dict[str, object] | None]
    columns: tuple[str, ...] = ()
    says_leaves: bool = False


def shape_of(source_format: SourceFormat) -> Shape | None:
    """Return the shape of a format's objects; None when each object is a row as it is."""
    return _SHAPES.get(source_format)


def _convert_membership(thing: JsonObject) -> dict[str, object]:
    """A line of an audience's changes (mParticle documentation, "Google Cloud Storage Audience")."""
    added, identities = thing.get("IsAddRequest"), thing.get("IdentityValues")
    if not isinstance(added, bool):
        raise NotAsDeclared("there is no IsAddRequest that is true or false", "IsAddRequest")
    if not isinstance(identities, dict):
        raise NotAsDeclared("there are no IdentityValues", "IdentityValues")
    others = {key: thing[key] for key in thing if key not in ("IsAddRequest", "IdentityValues")}
    return {**identities, **others, LEAVES_COLUMN: not added}


def _convert_event(thing: JsonObject) -> dict[str, object] | None:
    """An event of a tracking log, of which an identify call describes a person (Segment documentation, "Identify";
    RudderStack documentation, "Identify")."""
    kind = thing.get("type")
    if not isinstance(kind, str):
        raise NotAsDeclared("there is no type of event", "type")
    if kind != "identify":
        return None
    traits = {**_mapping(_mapping(thing.get("context")).get("traits")), **_mapping(thing.get("traits"))}
    user_id = thing.get("userId")
    email = traits.pop("email", None)
    if not email and isinstance(user_id, str) and "@" in user_id:
        email = user_id
    return {"email": email, "userId": user_id, **traits}


def _convert_profile(thing: JsonObject) -> dict[str, object]:
    """A profile of Adobe Experience Platform: nested names are joined with dots."""
    row = dict(_flatten(thing))
    marker = next(filter(is_adobe_status, row), None)
    leaves = marker is not None and adobe_leaves(row.pop(marker), marker)
    return {**row, LEAVES_COLUMN: leaves}


def _mapping(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _flatten(thing: JsonObject, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in thing.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


_EVENTS = Shape(_convert_event, columns=("email", "userId"))
_SHAPES = {
    SourceFormat.ADOBE: Shape(_convert_profile, says_leaves=True),
    SourceFormat.MPARTICLE: Shape(_convert_membership, columns=("email",), says_leaves=True),
    SourceFormat.SEGMENT: _EVENTS,
    SourceFormat.RUDDERSTACK: _EVENTS,
}
