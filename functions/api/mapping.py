"""Mappings: what a segment's columns could fill, and what people would be sent."""

from functions.api.registry import operations
from functions.decoding import Query
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import Forbidden, Invalid, NotFound, SegmentUnreadable, StorageUnavailable
from shared.usecases.exports.mappings import MappingSuggestion
from shared.usecases.exports.previews import NewPreview, Preview


@operations.add(
    "GET",
    "segments/{name}/mapping-suggestion",
    summary="Suggest a mapping",
    answer=MappingSuggestion,
    errors=(Invalid, Forbidden, NotFound, SegmentUnreadable, StorageUnavailable),
    query={"connection_id": Query("The connection whose fields are to be filled.", required=True)},
)
def suggest_mapping(request: Request) -> Answer:
    """From the names of the columns, in English, Spanish or Romanian, and from the first rows. Nothing is stored: send
    what you confirm in an export."""
    name, connection_id = request.params["name"], request.query["connection_id"]
    return Answer(app().mappings.suggest(name, connection_id, request.principal))


@operations.add(
    "POST",
    "exports/preview",
    summary="Preview an export",
    body=NewPreview,
    answer=Preview,
    errors=(Invalid, Forbidden, StorageUnavailable),
)
def preview_export(request: Request) -> Answer:
    """Shows the first people of each segment as the destination will get them, with masked e-mail addresses, and the
    rows between them that would be rejected. Nothing is stored or sent."""
    return Answer(app().previews.make(request.body, request.principal))
