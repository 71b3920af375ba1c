"""Chunks: what one worker takes at a time, as a blob with a batch per line. Each batch is a JSON array."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from shared.domain.destination import Leaver, Profile
from shared.domain.ports import StateBlobs
from shared.pipeline import places

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


def read_batches(state: StateBlobs, folder: str, chunk: int) -> list[list[Profile]]:
    """Read a chunk as batches of people to send."""
    return [
        [
            Profile(email, content_hash, joins, tuple(origin), body)
            for email, content_hash, joins, origin, body in batch
        ]
        for batch in _read(state, places.chunk(folder, chunk))
    ]


def read_leavers(state: StateBlobs, folder: str, chunk: int) -> list[list[Leaver]]:
    """Read a chunk as batches of people to take off the list."""
    return [
        [Leaver(email, contact_id) for email, contact_id in batch]
        for batch in _read(state, places.leaver_chunk(folder, chunk))
    ]


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


def _read(state: StateBlobs, name: str) -> Iterator[list[list[Any]]]:
    return map(orjson.loads, state.read(name).splitlines())
