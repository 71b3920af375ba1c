"""Bad files through staging: the account adds up, and the right people come out of it."""

import csv
import gzip
import io
from random import Random

from shared.domain.email_address import normalise_email
from shared.domain.errors import SegmentUnreadable
from tests.fuzz.people import HEADER, as_text, make_rows
from tests.fuzz.targets import require_sentence
from tests.staging_bench import StagingBench

_NOT_ADDRESSES = [
    "",
    " ",
    "nobody",
    "@",
    "a@b",
    "a@example.com;b@example.com",
    "\u202ea@example.com",
    "x" * 300 + "@example.com",
    "a@example..com",
]


def check_staging(random: Random) -> None:
    """Rows are people or rejects. The people are those that Python's csv module finds in the lines that are sound."""
    rows = make_rows(random, random.randint(1, 60), ["Ana", "Ion", "Țurcanu"])
    for row in rows:
        if random.random() < 0.3:
            row[0] = random.choice([*_NOT_ADDRESSES, "p1@example.com", "P2@EXAMPLE.COM"])
        if random.random() < 0.1:
            row.extend(["more"] * random.randint(1, 3))
        if random.random() < 0.1:
            del row[random.randint(1, 3) :]
        if random.random() < 0.05:
            row[1:2] = ["x\0y"]
    text = as_text([HEADER, *rows])
    data = text.encode()
    if cut := random.random() < 0.3:
        data = data[: random.randint(0, len(data))]
    packed = gzip.compress(data, mtime=0) if random.random() < 0.3 else data
    bench = StagingBench()
    try:
        staged = bench.stage({"vip/a.csv": packed}, fields={"FirstName": "First"}, delimiter=",")
    except SegmentUnreadable as problem:
        require_sentence(problem)
        assert cut
        return
    sound = data.decode("utf-8", "replace")
    wanted: dict[str, None] = {}
    records = [
        row
        for row in csv.reader(io.StringIO(sound, newline=""))
        if len(row) > 1 or row == [""] or "".join(row).strip()
    ]
    for row in records[1:]:
        email = normalise_email(row[0])
        if len(row) == len(HEADER) and email and "\0" not in "".join(row) and "\ufffd" not in "".join(row):
            wanted.setdefault(email)
    people = [person.email for person in bench.people(staged)]
    assert people == list(wanted)
    assert staged.counts.profiles == len(people)
    assert staged.counts.rows == len(people) + sum(staged.rejected.values())
    assert staged.counts.rows == len(records) - 1
    assert len(bench.rejects(staged)) == sum(staged.rejected.values())
