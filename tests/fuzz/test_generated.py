"""More than two thousand bad files: each is read rightly or refused with a sentence, within time and memory."""

from collections.abc import Iterator

import pytest

from tests.fuzz.watching import MOST_MB, Watch, load_kinds

KINDS = load_kinds()


@pytest.fixture(scope="module")
def watch() -> Iterator[Watch]:
    running = Watch()
    yield running
    running.close()


def test_there_are_more_than_two_thousand_files() -> None:
    assert sum(kind.count for kind in KINDS.values()) > 2_000


@pytest.mark.parametrize("kind", KINDS)
def test_bad_files_are_read_rightly_or_refused(kind: str, watch: Watch) -> None:
    outcomes = list(watch.check(kind, range(KINDS[kind].count)))
    told = [
        f'python -m tests.fuzz.watching "{kind}" {each.number}\n{each.problem}'
        for each in outcomes
        if each.problem
    ]
    assert not told, "\n".join(told)
    assert max(each.peak_mb for each in outcomes) <= MOST_MB
