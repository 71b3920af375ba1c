"""Made-up people in files: what the mutations begin with, and what has to come out again."""

import csv
import io
from dataclasses import dataclass
from random import Random

from shared.domain.errors import SegmentUnreadable
from shared.pipeline.reading import BrokenRow
from tests.fuzz.targets import read_file, require_sentence

HEADER = ["EMail", "First", "Last", "City"]
NAMES = ["Ana", "Núñez", "Țurcanu", "O'Neil", "Jean-Luc", "Zoë", "", "Müller", "Ça", "x y"]
WIDER = [*NAMES, "Иван", "李", "😀", "שלום"]
WESTERN = [name for name in NAMES if "Ț" not in name]
AWKWARD = ['"', 'a"b', "a,b", "a;b", "a\tb", "a|b", "line\nbreak", 'comma, quote " and\nbreak']


@dataclass(frozen=True)
class Read:
    """What reading a file gave; ``refused`` is the code when it was refused."""

    columns: list[str]
    rows: list[tuple[int, list[object]]]
    broken: list[BrokenRow]
    refused: str | None = None

    @property
    def values(self) -> list[list[object]]:
        return [values for _, values in self.rows]


def read(data: bytes, name: str, **options: object) -> Read:
    """Read a file as a run would. A refusal has to say what is wrong and what to do."""
    try:
        return Read(*read_file(data, name, **options))
    except SegmentUnreadable as problem:
        require_sentence(problem)
        return Read([], [], [], problem.reason)


def make_rows(random: Random, count: int, names: list[str] = NAMES) -> list[list[str]]:
    """Return rows that no reader may change: nothing begins with a blank."""
    return [
        [f"p{number}@example.com", random.choice(names), random.choice(names), random.choice(names)]
        for number in range(count)
    ]


def as_text(
    rows: list[list[str]], delimiter: str = ",", line_end: str = "\n", quoting: int = csv.QUOTE_MINIMAL
) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return text.getvalue()
