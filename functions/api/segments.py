"""Segments, and what is declared about their files."""

from typing import Annotated

import azure.durable_functions as df
from pydantic import BaseModel, Field, StringConstraints

from functions.api.registry import IF_MATCH, operations, versioned
from functions.decoding import Query
from functions.operation import Answer, Request, in_thread
from functions.starting import start_arrival
from shared.bootstrap import app
from shared.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    SegmentUnreadable,
    StorageUnavailable,
)
from shared.domain.segment import SegmentSource
from shared.usecases.segments.segments import SORTS, SegmentDetails, SegmentPage, SegmentQuery, SegmentSample
from shared.usecases.segments.sources import SourceForm, source_version

SortColumn = Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(SORTS)})$")]
Search = Annotated[str, StringConstraints(max_length=200)]


class Looked(BaseModel):
    """``file`` is the one that is looked at."""

    file: str


@operations.add(
    "GET",
    "segments",
    summary="List segments that have arrived",
    answer=SegmentPage,
    errors=(Invalid, Forbidden, StorageUnavailable),
    query={
        "sort": Query(f"The column: {', '.join(SORTS)}; -name = Z to A.", SortColumn, "name"),
        "search": Query("Words that occur in the name.", Search, ""),
        "size": Query("How many.", Annotated[int, Field(ge=1, le=200)], 50),
        "after": Query("What the previous page gave as `next`."),
    },
)
def list_segments(request: Request) -> Answer:
    """What has no value in the column that is sorted by comes last."""
    given = request.query
    query = SegmentQuery(given["sort"], given["search"], given["size"], given.get("after"))
    return Answer(app().segments.page(query, request.principal))


@operations.add(
    "GET",
    "segments/{name}",
    summary="Show a segment",
    answer=SegmentDetails,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def get_segment(request: Request) -> Answer:
    """With its files, and how many people its last snapshots had."""
    return Answer(app().segments.get(request.params["name"], request.principal))


@operations.add(
    "DELETE",
    "segments/{name}",
    summary="Forget a segment",
    answer=None,
    status=204,
    errors=(Forbidden, NotFound, Conflict, StorageUnavailable),
)
def remove_segment(request: Request) -> Answer:
    """Its files stay in the container, and what is declared about them stays declared."""
    app().segments.remove(request.params["name"], request.principal)
    return Answer(status=204)


@operations.add_durable(
    "POST",
    "segments/{name}/look",
    summary="Look at the newest file of a segment again",
    answer=Looked,
    status=202,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
async def look_again(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """As if it had just arrived: for files whose event was lost. A file that was noticed starts no second run."""
    file = await in_thread(lambda: app().overlooked.newest(request.params["name"], request.principal))
    await start_arrival(client, file.name, file.etag)
    return Answer(Looked(file=file.name), 202)


@operations.add(
    "GET",
    "segments/{name}/sample",
    summary="Show the first rows of a segment",
    answer=SegmentSample,
    errors=(Invalid, Forbidden, NotFound, SegmentUnreadable, StorageUnavailable),
    query={"size": Query("How many rows.", Annotated[int, Field(ge=1, le=100)], 10)},
)
def get_sample(request: Request) -> Answer:
    """As they are read from the newest file, with addresses masked."""
    name, size = request.params["name"], request.query["size"]
    return Answer(app().segments.sample(name, size, request.principal))


@operations.add(
    "GET",
    "segments/{name}/source",
    summary="Show what is declared about a segment's files",
    answer=SegmentSource,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def get_source(request: Request) -> Answer:
    """Answers with an ETag, which a change has to send back."""
    source = app().sources.get(request.params["name"], request.principal)
    return Answer(source, headers=versioned(source_version(source)))


@operations.add(
    "PUT",
    "segments/{name}/source",
    summary="Declare what a segment's files are",
    body=SourceForm,
    answer=SegmentSource,
    headers=IF_MATCH,
    errors=(Invalid, Forbidden, PreconditionFailed, PreconditionRequired, StorageUnavailable),
)
def declare_source(request: Request) -> Answer:
    """Before the first file arrives, or later: the present files are looked at again, but no run starts. If-Match is
    needed when something is declared already."""
    name = request.params["name"]
    source = app().sources.declare(name, request.body, request.principal, request.if_match)
    return Answer(source, headers=versioned(source_version(source)))


@operations.add(
    "DELETE",
    "segments/{name}/source",
    summary="Take back what was declared about a segment's files",
    answer=None,
    status=204,
    headers=IF_MATCH,
    errors=(Forbidden, NotFound, PreconditionFailed, PreconditionRequired, StorageUnavailable),
)
def remove_source(request: Request) -> Answer:
    """The present files are looked at again as plain rows of all people."""
    app().sources.remove(request.params["name"], request.principal, request.if_match)
    return Answer(status=204)
