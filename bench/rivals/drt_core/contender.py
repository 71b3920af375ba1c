"""drt with its destination for any REST API, 100 people in a call, and without its own limit of ten calls per second.

It opens a new client for each of its batches, so that these are large and the calls a part of them.
"""

# ruff: noqa: ARG002 (the framework decides what a function is called with)

from collections.abc import Iterator
from pathlib import Path

from contest import BATCH_SIZE, Contact, Order, contacts, measure
from drt.config.credentials import SQLiteProfile
from drt.config.models import SyncConfig
from drt.destinations.rest_api import RestApiDestination
from drt.engine.sync import run_sync


class PeopleSource:
    """drt reads databases only; this reads our file in their place."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def extract(self, query: str, config: object, *, query_tags: object = None) -> Iterator[Contact]:
        return contacts(self._order)

    def test_connection(self, config: object) -> bool:
        return True


def send(order: Order) -> None:
    sync = SyncConfig.model_validate(
        {
            "name": "people",
            "model": "select * from people",
            "destination": {
                "type": "rest_api",
                "url": f"{order.url}/contacts",
                "headers": order.headers,
                "body_mode": "batch",
                "max_records_per_request": BATCH_SIZE,
                "batch_template": '{"contacts": {{ rows | tojson_safe }}}',
            },
            "sync": {"batch_size": 10_000, "rate_limit": {"requests_per_second": 0}},
        }
    )
    profile = SQLiteProfile(type="sqlite", database=":memory:")
    done = run_sync(sync, PeopleSource(order), RestApiDestination(), profile, Path.cwd())
    if done.failed:
        raise SystemExit(f"{done.failed} people were not sent.")


if __name__ == "__main__":
    measure(send)
