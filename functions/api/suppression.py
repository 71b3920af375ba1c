"""Suppression, per connection."""

from functions.api.registry import operations
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import Conflict, Forbidden, Invalid, NotFound, StorageUnavailable
from shared.usecases.connections.suppression import (
    Address,
    SuppressionChange,
    SuppressionFinding,
    SuppressionState,
)


@operations.add(
    "GET",
    "connections/{id}/suppression",
    summary="Tell how many people a connection never sends",
    answer=SuppressionState,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def get_suppression(request: Request) -> Answer:
    """Who they are cannot be read: only hashes of their addresses are kept."""
    return Answer(app().suppression.show(request.params["id"], request.principal))


@operations.add(
    "POST",
    "connections/{id}/suppression",
    summary="Suppress people, or no longer",
    body=SuppressionChange,
    answer=SuppressionState,
    errors=(Invalid, Forbidden, NotFound, Conflict, StorageUnavailable),
)
def change_suppression(request: Request) -> Answer:
    """Up to 10,000 entries at once, all of them or none; a connection can suppress 1,000,000 people. Nobody is
    unsubscribed by this; who is on a list already is a leaver for exports that take leavers off."""
    return Answer(app().suppression.change(request.params["id"], request.body, request.principal))


@operations.add(
    "POST",
    "connections/{id}/suppression/check",
    summary="Tell whether somebody is suppressed",
    body=Address,
    answer=SuppressionFinding,
    errors=(Invalid, Forbidden, NotFound, StorageUnavailable),
)
def check_suppression(request: Request) -> Answer:
    """It is a POST so that the address stands in no log of URLs."""
    return Answer(app().suppression.check(request.params["id"], request.body, request.principal))
