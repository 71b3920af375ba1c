"""Segments."""

from pydantic import BaseModel

from functions.api.registry import operations
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import NotFound, StorageUnavailable
from shared.domain.segment import Segment


class SegmentList(BaseModel):
    segments: list[Segment]


@operations.add(
    "GET",
    "segments",
    summary="List segments that have arrived",
    answer=SegmentList,
    errors=(StorageUnavailable,),
)
def list_segments(_request: Request) -> Answer:
    return Answer(SegmentList(segments=app().segments.list()))


@operations.add(
    "GET", "segments/{name}", summary="Show a segment", answer=Segment, errors=(NotFound, StorageUnavailable)
)
def get_segment(request: Request) -> Answer:
    return Answer(app().segments.get(request.params["name"]))
