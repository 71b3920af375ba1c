"""Erasures: make one person forgotten, everywhere."""

from typing import Annotated

import azure.durable_functions as df
from pydantic import Field

from functions.api.registry import location, operations
from functions.decoding import Query
from functions.erasing import start_erasure
from functions.operation import Answer, Request, in_thread
from shared.bootstrap import app
from shared.domain.erasure import Erasure
from shared.domain.errors import Forbidden, Invalid, NotFound, StorageUnavailable
from shared.usecases.erasures import ErasurePage, NewErasure


@operations.add_durable(
    "POST",
    "erasures",
    summary="Erase a person",
    body=NewErasure,
    answer=Erasure,
    status=202,
    errors=(Invalid, Forbidden, StorageUnavailable),
)
async def erase(request: Request, client: df.DurableOrchestrationClient) -> Answer:
    """Deletes the contact on every connection that ever sent it, and its traces here. Answers at once with the
    receipt, which never shows the address; the rest goes on in the background, when no run has the connection."""
    erasure = await in_thread(lambda: app().erasures.request(request.body, request.principal))
    await start_erasure(client, erasure.id, request.body)
    return Answer(erasure, 202, location(request, f"erasures/{erasure.id}"))


@operations.add(
    "GET",
    "erasures",
    summary="List erasures, newest first",
    answer=ErasurePage,
    errors=(Invalid, Forbidden, StorageUnavailable),
    query={
        "after": "What the previous page gave as `next`.",
        "size": Query("How many.", Annotated[int, Field(ge=1, le=200)], 50),
    },
)
def list_erasures(request: Request) -> Answer:
    size, after = request.query["size"], request.query.get("after")
    return Answer(app().erasures.page(request.principal, size, after))


@operations.add(
    "GET",
    "erasures/{id}",
    summary="Show the receipt of an erasure",
    answer=Erasure,
    errors=(NotFound, Forbidden, StorageUnavailable),
)
def get_erasure(request: Request) -> Answer:
    """Who asked, when, what happened at each connection, and how many traces were removed."""
    return Answer(app().erasures.get(request.params["id"], request.principal))
