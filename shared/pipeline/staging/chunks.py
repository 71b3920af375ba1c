"""Chunks: what one worker takes at a time, as a blob with a batch per line. Each batch is a JSON array."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

import orjson

from shared.domain.destination import Leaver, Profile
from shared.domain.ports import StateBlobs
from shared.pipeline import places

_Person = TypeVar("_Person")

LEAVERS_PER_BATCH = 10
"""Each of them takes a call of its own, and batches go side by side."""


def write_profiles(
    state: StateBlobs,
    folder: str,
    profiles: Iterable[tuple[object, ...]],
    *,
    batch_size: int,
    batches_per_chunk: int,
) -> int:
    """Write chunks of people to send, plain tuples of a Profile's fields; returns how many chunks there are."""
    return _write(state, lambda number: places.chunk(folder, number), profiles, batch_size, batches_per_chunk)


def write_leavers(
    state: StateBlobs, folder: str, leavers: Iterable[tuple[object, ...]], *, batches_per_chunk: int
) -> int:
    """Write chunks of people to take off the list, as ``(email, contact id)``; returns how many chunks there are."""
    return _write(
        state,
        lambda number: places.leaver_chunk(folder, number),
        leavers,
        LEAVERS_PER_BATCH,
        batches_per_chunk,
    )


def read_batches(state: StateBlobs, folder: str, chunk: int) -> Sequence[Sequence[Profile]]:
    """Read a chunk as batches of people to send."""
    return _Batches(state.read(places.chunk(folder, chunk)), _as_profile)


def read_leavers(state: StateBlobs, folder: str, chunk: int) -> Sequence[Sequence[Leaver]]:
    """Read a chunk as batches of people to take off the list."""
    return _Batches(state.read(places.leaver_chunk(folder, chunk)), Leaver._make)


class _Batches(Sequence[list[_Person]]):
    """The batches of a chunk. Each is decoded when it is asked for: a chunk has thousands of people."""

    def __init__(self, data: bytes, as_person: Callable[[list[Any]], _Person]) -> None:
        self._lines, self._as_person = data.splitlines(), as_person

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> list[_Person]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[_Person]]: ...

    def __getitem__(self, index: int | slice) -> list[_Person] | list[list[_Person]]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        return list(map(self._as_person, orjson.loads(self._lines[index])))


def _as_profile(fields: list[Any]) -> Profile:
    email, content_hash, joins, origin, body = fields
    return Profile(email, content_hash, joins, tuple(origin), body)


def _write(
    state: StateBlobs,
    name: Callable[[int], str],
    people: Iterable[tuple[object, ...]],
    batch_size: int,
    batches_per_chunk: int,
) -> int:
    chunks, rest = 0, iter(people)
    while lines := [
        orjson.dumps(batch) for _ in range(batches_per_chunk) if (batch := list(islice(rest, batch_size)))
    ]:
        state.write(name(chunks), b"\n".join(lines) + b"\n")
        chunks += 1
    return chunks
