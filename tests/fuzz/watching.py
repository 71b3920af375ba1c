"""Files are checked in a child process, so that one that hangs or takes all memory is told by its name.

`python -m tests.fuzz.watching "zip" 17` checks one of them again; without a number, all of a kind.
"""

import multiprocessing
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from multiprocessing.connection import Connection
from random import Random
from typing import NamedTuple

LONGEST_S = 60.0
"""Of one file, on a machine that is busy with other things, too."""

MOST_MB = 512
_STUCK_MB = 4096


class Kind(NamedTuple):
    count: int
    check: Callable[[Random, int], None]


class Outcome(NamedTuple):
    """``problem`` is empty when all was well. ``peak_mb`` is the most that the process has had so far."""

    number: int
    problem: str
    peak_mb: int
    seconds: float


def _ignoring_number(check: Callable[[Random], None], random: Random, _number: int) -> None:
    check(random)


def load_kinds() -> Mapping[str, Kind]:
    """Return the kinds of files. Loaded where they are checked: the parent needs none of it."""
    from tests.fuzz import documents, giants, packed, places, staged, tables

    plain: dict[str, tuple[int, Callable[[Random], None]]] = {
        "encodings": (250, tables.check_encodings),
        "mixed encodings": (60, tables.check_mixed_encodings),
        "truncations": (300, tables.check_truncations),
        "damage": (250, tables.check_damage),
        "quotes": (200, tables.check_quotes),
        "headers": (60, tables.check_headers),
        "ragged": (50, tables.check_ragged),
        "noise": (300, tables.check_noise),
        "gzip": (200, packed.check_gzip),
        "zip": (120, packed.check_zip),
        "unsound zip": (250, packed.check_unsound_zip),
        "json": (150, documents.check_json),
        "json lines": (80, documents.check_json_lines),
        "damaged json": (200, documents.check_damaged_json),
        "parquet": (200, documents.check_parquet),
        "wide names": (30, documents.check_wide_names),
        "names": (250, places.check_names),
        "model.json": (250, places.check_model_json),
        "drop manifests": (120, places.check_drop_manifest),
        "staging": (60, staged.check_staging),
    }
    kinds = {name: Kind(count, partial(_ignoring_number, check)) for name, (count, check) in plain.items()}
    return kinds | {"giants": Kind(giants.COUNT, giants.check_giants)}


def check_one(kind: str, number: int) -> Outcome:
    began = time.monotonic()
    try:
        load_kinds()[kind].check(Random(f"{kind} {number}"), number)
        problem = ""
    except Exception:
        problem = traceback.format_exc(limit=-4)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return Outcome(number, problem, peak_mb, time.monotonic() - began)


def _serve(pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_STUCK_MB << 20, _STUCK_MB << 20))
    while order := pipe.recv():
        pipe.send(check_one(*order))


class Watch:
    """Checks files one after the other; a child that dies or does not answer is replaced."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def check(self, kind: str, numbers: range) -> Iterator[Outcome]:
        for number in numbers:
            self._pipe.send((kind, number))
            if not self._pipe.poll(LONGEST_S):
                self._restart()
                yield Outcome(number, f"no answer within {LONGEST_S:g} s", 0, LONGEST_S)
                continue
            try:
                outcome: Outcome = self._pipe.recv()
            except EOFError:
                self._restart()
                yield Outcome(number, f"the process died ({self._died_of})", 0, 0)
                continue
            yield outcome

    def close(self) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _restart(self) -> None:
        self._process.join(1)
        self._died_of = self._process.exitcode
        self.close()
        self._start()


def main(kind: str, *numbers: str) -> int:
    found = load_kinds()[kind]
    outcomes = [check_one(kind, number) for number in map(int, numbers or range(found.count))]
    for outcome in outcomes:
        if outcome.problem:
            sys.stdout.write(f"{kind} {outcome.number}\n{outcome.problem}\n")
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    sys.stdout.write(
        f"{kind}: {len(outcomes)} files, {failed} failed, {sum(outcome.seconds for outcome in outcomes):.1f} s,"
        f" slowest {slowest.number} with {slowest.seconds:.2f} s, peak {outcomes[-1].peak_mb} MB\n"
    )
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
