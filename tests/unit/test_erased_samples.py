"""Samples of dry runs, when a person in them is erased."""

import orjson
import pytest

from shared.adapters.autopilot import Autopilot
from shared.pipeline import places
from shared.pipeline.erasure.erased_files import Person, drop_person
from tests.fakes import MemoryBlobs

JANE = Person("jane.doe@example.com")
BO = {"segment": "vip", "body": {"Email": "b***@example.com", "LastName": "Jane"}}


def left_of(*bodies: dict[str, object]) -> list[object]:
    """Erase Jane from samples of these and of Bo, and return what is kept."""
    state, name = MemoryBlobs(), places.samples("run-1")
    samples = [{"segment": "vip", "body": body} for body in bodies]
    state.write(name, orjson.dumps([*samples, BO]))
    assert drop_person(state, name, JANE) == ("samples", len(bodies))
    return orjson.loads(state.read(name))


@pytest.mark.parametrize(
    "fields",
    [{"LastName": "Jane.Doe@Example.com"}, {"custom": {"string--Work--email": "jane.doe@example.com"}}],
)
def test_who_is_in_another_field_than_email_goes_too(fields: dict[str, object]) -> None:
    body = orjson.dumps({"Email": "x@example.com", **fields}).decode()

    assert left_of(Autopilot("http://unused", timeout_s=1).show(body)) == [BO]


@pytest.mark.parametrize("text", ["Jane.Doe@Example.com", "Jane <jane.doe@example.com>, by phone"])
def test_whole_addresses_in_samples_of_earlier_releases_go_too(text: str) -> None:
    assert left_of({"Email": "x***@example.com", "custom": {"string--Referrer": text}}) == [BO]
