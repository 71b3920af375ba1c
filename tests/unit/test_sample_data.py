import csv
import gzip
from collections import Counter
from pathlib import Path

import pytest

from devkit.sample_data import COLUMNS, INVALID_ADDRESSES, write_segment
from shared.domain.email_address import explain_email, normalise_email

EMAIL = COLUMNS.index("EmailAddress")


def test_the_counts_are_what_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    counts = write_segment(path, 10_000)

    people: set[str] = set()
    duplicates = 0
    faults: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    lines = path.read_bytes().decode().split("\r\n")[1:-1]
    for line in lines:
        if line.count('"') % 2:
            shapes["unclosed"] += 1
            continue
        shapes["stray"] += '"the boss"' in line
        [values] = csv.reader([line])
        if len(values) != len(COLUMNS):
            shapes["short" if len(values) < len(COLUMNS) else "long"] += 1
            continue
        address = normalise_email(values[EMAIL])
        if address is None:
            faults[explain_email(values[EMAIL]).value] += 1
        duplicates += address in people
        people |= {address} - {None}

    assert len(lines) == counts.rows == 10_000
    assert len(people) == counts.people
    assert duplicates == counts.duplicate_emails > 0
    assert faults.pop("email_blank") == counts.blank_emails
    assert dict(faults) == counts.invalid_emails
    assert set(faults) == set(INVALID_ADDRESSES)
    assert shapes == {
        "unclosed": counts.unclosed_quotes,
        "stray": counts.stray_quotes,
        "short": counts.too_few_columns,
        "long": counts.too_many_columns,
    }
    unreadable = shapes["unclosed"] + shapes["short"] + shapes["long"]
    assert counts.people + duplicates + counts.blank_emails + sum(faults.values()) + unreadable == 10_000


def test_every_address_is_at_a_reserved_domain(tmp_path: Path) -> None:
    write_segment(tmp_path / "people.csv", 2_000)

    for row in csv.DictReader((tmp_path / "people.csv").open(encoding="utf-8", newline="")):
        address = normalise_email(row["EmailAddress"] or "")
        if address is not None and len(row) == len(COLUMNS):
            assert address.endswith(
                (".example.com", ".example.org", "@example.com", "@example.org", "@example.net")
            )


@pytest.mark.parametrize("name", ["people.csv", "people.csv.gz"])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, name: str) -> None:
    files = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_segment(tmp_path / folder / name, 600, seed=7)
        files.append((tmp_path / folder / name).read_bytes())

    assert files[0] == files[1]


def test_another_seed_writes_other_people(tmp_path: Path) -> None:
    write_segment(tmp_path / "one.csv", 10, seed=1)
    write_segment(tmp_path / "two.csv", 10, seed=2)

    assert (tmp_path / "one.csv").read_bytes() != (tmp_path / "two.csv").read_bytes()


def test_a_packed_file_holds_the_same_rows(tmp_path: Path) -> None:
    plain = write_segment(tmp_path / "people.csv", 600)
    packed = write_segment(tmp_path / "people.csv.gz", 600)

    assert packed == plain
    assert (
        gzip.decompress((tmp_path / "people.csv.gz").read_bytes()) == (tmp_path / "people.csv").read_bytes()
    )
