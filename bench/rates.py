"""How close pushing comes to a limit of calls per second: python -m bench.rates

The production session and chunk push, ``PUSH_LANES`` chunks at a time, against the simulator in a process of its own:
once from a cold start, and then again with what was learnt.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.markdown import table
from bench.simulator import KEY, Simulator
from shared.adapters.autopilot.destination import Autopilot
from shared.domain.run import Counts
from shared.pipeline.pushing.chunk_push import ChunkPush, PushTask
from shared.pipeline.pushing.pacing import PaceBook, RunPacer
from shared.pipeline.staging.chunks import write_profiles
from tests.fakes import MemoryBlobs, MemoryPaces

BATCH, BATCHES_PER_CHUNK = 100, 50
LANES, THREADS = 2, 32
CASES = (
    ("strict", 20, 1, 1_000, 600),
    ("bucket", 20, 20, 1_000, 600),
    ("strict", 5, 1, 1_000, 150),
    ("bucket", 5, 5, 500, 150),
)
"""Kind, calls per second, burst, calls of the cold run, calls of the one after it."""


@dataclass
class Refusals:
    """When calls were refused, and whether the limit was known then."""

    paces: MemoryPaces
    learning: int = 0
    after: int = 0
    learnt_after_s: float | None = None
    started: float = field(default_factory=time.monotonic)

    def note(self) -> None:
        if self.learnt_after_s is None:
            self.learning += 1
        else:
            self.after += 1

    def look(self) -> None:
        pace = self.paces.find("bench")
        if self.learnt_after_s is None and pace and pace.limit_per_s is not None:
            self.learnt_after_s = time.monotonic() - self.started


class _Pacer(RunPacer):
    refusals: Refusals

    def throttled(self, retry_after_s: float | None) -> None:
        self.refusals.note()
        super().throttled(retry_after_s)
        self.refusals.look()


def push(url: str, list_id: str, paces: MemoryPaces, calls: int) -> tuple[float, Refusals]:
    """Push as many people as that takes bulk calls; return the seconds of the clock, and what was refused."""
    state, refusals = MemoryBlobs(), Refusals(paces)
    refusals.look()
    chunks = write_profiles(
        state, "bench/", _people(calls), batch_size=BATCH, batches_per_chunk=BATCHES_PER_CHUNK
    )
    pacer = _Pacer(PaceBook(paces).of("bench"), None, lambda: False)
    pacer.refusals = refusals
    session = Autopilot(url, timeout_s=30).open(
        lambda _fresh: KEY, pacer, {"list_in_bulk": True}, proven=True
    )

    def turn(chunk: int) -> None:
        task = PushTask(
            run_id="bench", segment="bench", list_id=list_id, folder="bench/", chunk=chunk, proven=True
        )
        while True:
            done = ChunkPush(session, state, task, threads=THREADS, turn_s=60.0, report=_ignore).run()
            assert done.failure is None, done.failure
            if not done.pending:
                return
            task = task.model_copy(update={"pending": done.pending})

    started = time.perf_counter()
    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(turn, range(chunks)))
    return time.perf_counter() - started, refusals


def _people(calls: int) -> Iterator[tuple[object, ...]]:
    for number in range(calls * BATCH):
        email = f"p{number}@example.com"
        yield email, number, True, (0, number), f'{{"Email":"{email}"}}'


def _ignore(_counts: Counts) -> None:
    """Nobody watches."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--only", help="cold runs of this kind and rate alone, such as strict-20")
    arguments = parser.parse_args()
    rows = []
    for kind, rate, burst, cold, learnt in CASES:
        if arguments.only not in (None, f"{kind}-{rate}"):
            continue
        paces = MemoryPaces()
        switches = {"rate": rate, "rate_burst": burst, "latency_ms": arguments.latency_ms}
        with Simulator({**switches, "bulk_list": "honoured"}) as simulator:
            list_id = simulator.add_list()
            for when, calls in (("cold", cold), ("learnt", learnt)):
                print(f"{kind} {rate}/s, {when}", file=sys.stderr, flush=True)
                seconds, refusals = push(simulator.url, list_id, paces, calls)
                known_s = refusals.learnt_after_s
                rows.append(
                    [
                        f"{rate}/s, {kind}, {when}",
                        calls,
                        f"{seconds:.1f}",
                        f"{calls / rate:.1f}",
                        f"{seconds / (calls / rate):.3f}",
                        None if known_s is None else f"{known_s:.0f}",
                        refusals.learning,
                        refusals.after,
                    ]
                )
    head = [
        "limit",
        "calls",
        "wall s",
        "calls ÷ rate",
        "ratio",
        "learnt after s",
        "429s before",
        "429s after",
    ]
    print("## Under a rate limit\n")
    print(
        "The pushing phase alone, no ceiling set: *strict* forgives no burst, *bucket* one of a second. *Cold* knows nothing of "
        "the limit; *learnt* is the run after it. Latency "
        f"{arguments.latency_ms} ms, {LANES} chunks at a time of {THREADS} threads each.\n"
    )
    print(table(head, rows))


if __name__ == "__main__":
    main()
