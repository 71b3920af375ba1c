"""CSV files: encodings, truncations, damage, and shapes that nobody expects."""

import csv
import gzip
from random import Random

from tests.fuzz.people import AWKWARD, HEADER, NAMES, WESTERN, WIDER, as_text, make_rows, read

_UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
_DELIMITERS = [",", ";", "\t", "|"]


def check_encodings(random: Random) -> None:
    """Whatever writes a file, the same people are read."""
    encoding = random.choice([*_UNICODE, "cp1252", "latin-1"])
    western = encoding in ("cp1252", "latin-1")
    names = WESTERN if western else WIDER if encoding.startswith("utf-8") else NAMES
    rows = [HEADER, *make_rows(random, random.randint(8, 60), names)]
    for row in random.sample(rows[1:], 3):
        row[random.randint(1, 3)] = random.choice(AWKWARD)
    delimiter = random.choice(_DELIMITERS)
    line_end = random.choice(["\n", "\r\n", "\r"])
    # The csv module quotes a line break only where it is one of the file's own.
    quoting = csv.QUOTE_ALL if line_end == "\r" else random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    text = as_text(rows, delimiter, line_end, quoting)
    data = text.encode(encoding)
    if random.random() < 0.3:
        data = gzip.compress(data, mtime=0)
    found = read(data, random.choice(["p.csv", "p.csv.gz", "p", "p.txt"]), delimiter=delimiter)
    assert found.refused is None, found.refused
    assert [found.columns, *found.values] == rows
    assert found.broken == []


def check_mixed_encodings(random: Random) -> None:
    """A line in another encoding costs that line at most."""
    rows = make_rows(random, 40, ["Ana", "Ion", "Țurcanu", "Șerban"])
    lines = as_text([HEADER, *rows]).splitlines()
    odd = sorted(random.sample(range(1, 41), random.randint(1, 5)))
    parts = [line.encode() for line in lines]
    for at in odd:
        parts[at] = f"p{at}@example.com,Núñez,é,ü".encode("cp1252")
    found = read(b"\n".join(parts), "p.csv")
    assert [row.line for row in found.broken] == [at + 1 for at in odd]
    assert {row.code for row in found.broken} == {"bad_encoding"}
    assert found.values == [row for at, row in enumerate(rows, 1) if at not in odd]


def check_truncations(random: Random) -> None:
    """What stands whole before the cut is read; behind it there is nothing."""
    rows = make_rows(random, 30)
    for row in random.sample(rows, 4):
        row[2] = random.choice(AWKWARD)
    texts = [
        as_text([row], quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])) for row in [HEADER, *rows]
    ]
    encoding = random.choice(["utf-8", "utf-8-sig", "utf-16"])
    data = "".join(texts).encode(encoding)
    cut = random.randint(0, len(data))
    found = read(data[:cut], "p.csv", delimiter=",")
    whole = data[:cut].decode(encoding, "ignore") if cut > 3 else ""
    complete, length = 0, 0
    for text in texts:
        length += len(text)
        complete += length <= len(whole)
    if complete == 0:
        assert found.refused or not found.rows
        return
    assert found.values[: complete - 1] == rows[: complete - 1]
    assert len(found.rows) <= complete
    assert len(found.rows) + len(found.broken) <= complete + 3  # an unclosed value of several lines


def check_damage(random: Random) -> None:
    """A damaged line costs that line: all others come out as they are, with their numbers."""
    rows = make_rows(random, 40, ["Ana", "Ion", "Iași", "x"])
    lines = [line.encode() for line in as_text([HEADER, *rows]).splitlines()]
    hurt = sorted(random.sample(range(1, 41), random.randint(1, 6)))
    for at in hurt:
        line = bytearray(lines[at])
        for _ in range(random.randint(1, 3)):
            place = random.randint(0, len(line))
            what = random.choice(
                [b"\0", b",", b",,,", b"\xff", b"\xc8", b"\x1a", b"\x7f", b"\xe2\x80\xae", b""]
            )
            line[place : place + random.randint(0, 3)] = what
        lines[at] = bytes(line)
    blank = sum(not line.strip() for line in lines)
    found = read(b"\n".join(lines), "p.csv")
    assert found.refused is None
    untouched = {at + 1: row for at, row in enumerate(rows, 1) if at not in hurt}
    assert {line: values for line, values in found.rows if line - 1 not in hurt} == untouched
    assert len(found.rows) + len(found.broken) + blank == 40
    assert {row.line - 1 for row in found.broken} <= set(hurt)


def check_quotes(random: Random) -> None:
    """Quotes in wrong places never make one person of two, nor take those behind them."""
    rows = make_rows(random, 40, ["Ana", "Ion", "x"])
    lines = as_text([HEADER, *rows]).splitlines()
    hurt = sorted(random.sample(range(1, 41), random.randint(1, 6)))
    for at in hurt:
        for _ in range(random.randint(1, 2)):
            place = random.randint(0, len(lines[at]))
            lines[at] = lines[at][:place] + random.choice(['"', '""', ',"', '",']) + lines[at][place:]
    found = read("\n".join(lines).encode(), "p.csv", delimiter=",")
    assert found.refused is None
    emails = [str(values[0]).strip('"') for values in found.values]
    known = {f"p{at - 1}@example.com" for at in range(1, 41) if at not in hurt}
    joined = {line for line, values in found.rows if any("\n" in str(value) for value in values)}
    assert joined <= {at + 1 for at in hurt}
    if not joined:
        assert known <= set(emails)
        assert len(found.rows) + len(found.broken) == 40
    assert all(emails.count(email) == 1 for email in known & set(emails))


def check_headers(random: Random) -> None:
    """Any header gives as many unlike names, or is refused; the rows are as wide as it."""
    width = random.choice([1, 2, 3, 10, 500, 1_999, 2_000, 2_001, 10_000])
    kind = random.randint(0, 5)
    names = {
        0: [""] * width,
        1: ["EMail"] * width,
        2: [random.choice(["a", "A", " a ", "a_2", "", "__leaves", "\ufeff"]) for _ in range(width)],
        3: ["n" * random.choice([10, 999, 1_000, 1_001, 5_000]) for _ in range(width)],
        4: [f"c{place}\u202e" for place in range(width)],
        5: [f"{place}" for place in range(width)],
    }[kind]
    rows = [[f"{place}.{number}" for place in range(width)] for number in range(3)]
    found = read(as_text([names, *rows], quoting=csv.QUOTE_ALL).encode(), "p.csv", delimiter=",")
    if width > 2_000:
        assert found.refused in ("too-many-columns", "header-unreadable", "file-too-large")
    elif max(map(len, names)) > 1_000 or (len(names[0]) * width) > 1 << 20:
        assert found.refused == "header-unreadable"
    else:
        assert found.refused is None
        assert len({name.casefold() for name in found.columns}) == width
        assert "__leaves" not in found.columns
        assert found.values == rows


def check_ragged(random: Random) -> None:
    """Rows that are too short or too long are told, the others read; nothing is left out of the account."""
    lines, good = [",".join(HEADER)], []
    for number in range(50):
        width = random.choice([4, 4, 4, 4, 1, 2, 3, 5, 9])
        lines.append(",".join(f"{number}.{place}" for place in range(width)))
        if width == 4:
            good.append((number + 2, [f"{number}.{place}" for place in range(4)]))
    found = read("\n".join(lines).encode(), "p.csv", delimiter=",")
    assert found.rows == good
    assert len(found.broken) == 50 - len(good)


def check_noise(random: Random) -> None:
    """Anything at all is read or refused."""
    alphabet = random.choice([bytes(range(256)), b'a,;"\n\r\0\xc8\x9a', b"\0\x01\xff\xfe", b'{}[]":,1e \n'])
    data = bytes(random.choices(alphabet, k=random.choice([0, 1, 2, 3, 50, 2_000])))
    marks = [
        b"",
        b"",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe\0\0",
        b"sep=;\n",
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"PAR1",
    ]
    name = random.choice(["p.csv", "p.json", "p.txt", "p.tsv", "p.parquet", "p.zip", "p.jsonl.gz", "p"])
    read(random.choice(marks) + data, name)
