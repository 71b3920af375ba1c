"""Bodies are taken by the types that JSON has: nothing is guessed from text or numbers."""

from datetime import time
from enum import StrEnum

import pytest
from pydantic import BaseModel

from functions.decoding import decode_body
from shared.domain.errors import Invalid


class Colour(StrEnum):
    RED = "red"


class Body(BaseModel):
    flag: bool = False
    count: int = 0
    share: float = 0
    at: time | None = None
    colour: Colour = Colour.RED
    names: tuple[str, ...] = ()


def test_what_fits_is_taken():
    body = decode_body(
        b'{"flag": true, "count": 2, "share": 1, "at": "09:30", "colour": "red", "names": ["a"]}', Body
    )
    assert body == Body(flag=True, count=2, share=1.0, at=time(9, 30), names=("a",))
    assert decode_body(b"", Body) == Body()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"flag": 0}', "/flag"),
        (b'{"flag": "no"}', "/flag"),
        (b'{"count": "2"}', "/count"),
        (b'{"count": false}', "/count"),
        (b'{"count": 2.0}', "/count"),
        (b'{"share": "1e3"}', "/share"),
        (b'{"names": "a"}', "/names"),
    ],
)
def test_what_only_resembles_it_is_refused(body, pointer):
    with pytest.raises(Invalid) as raised:
        decode_body(body, Body)
    assert [each["pointer"] for each in raised.value.errors] == [pointer]
