"""A segment of invented people, with everything in it that goes wrong in real files.

`write_segment` is deterministic: the same arguments give the same file. It says what it wrote, so that
a test can compare what came out at the other end. Nobody in it exists; all addresses are at
example.com, .org and .net, which are reserved for this (RFC 2606).

`python -m devkit.sample_data people.csv --profiles 10000` writes one and prints the counts.
"""

import argparse
import csv
import gzip
import io
import json
import random
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO

COLUMNS = (
    "CustomerId",
    "FirstName",
    "LastName",
    "EmailAddress",
    "Phone",
    "Street",
    "City",
    "PostalCode",
    "Country",
    "BirthDate",
    "AnnualIncome",
    "OrdersLastYear",
    "CustomerSince",
    "NewsletterConsent",
)


@dataclass(frozen=True)
class Place:
    """Where some of our people live. `names` are (first, last, both as they would stand in an address)."""

    country: str
    phone: str
    cities: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    names: tuple[tuple[str, str, str, str], ...]


PLACES = (
    Place(
        "United States",
        "+1 555",
        (("Portland", "97201"), ("St. Louis", "63101"), ("Winston-Salem", "27101")),
        ("Pine Street", "O'Hara Avenue", 'The "Old" Mill Road', "Main St, Apt. 4"),
        (
            ("Grace", "Whitfield", "grace", "whitfield"),
            ("Liam", "O'Connor", "liam", "oconnor"),
            ("Mary Ann", "St. John-Smythe", "maryann", "stjohn-smythe"),
            ("Jayden", "Brooks, Jr.", "jayden", "brooks"),
        ),
    ),
    Place(
        "España",
        "+34 600",
        (("Logroño", "26001"), ("A Coruña", "15001"), ("Sevilla", "41001")),
        ("Calle de Alcalá", "Paseo de la Ría", "C/ Núñez de Balboa, 3.º izda."),
        (
            ("Íñigo", "Martínez Núñez", "inigo", "martinez"),
            ("Begoña", "Peña", "begona", "pena"),
            ("Andrés", "Muñoz", "andrés", "muñoz"),
        ),
    ),
    Place(
        "România",
        "+40 700",
        (("Târgu Mureș", "540001"), ("București", "010011"), ("Iași", "700001")),
        ("Strada Ștefan cel Mare", "Bulevardul Unirii"),
        (
            ("Ștefania", "Țepeș", "stefania", "tepes"),
            ("Răzvan", "Ionescu", "razvan", "ionescu"),
            ("Ilinca", "Bălan", "ilinca", "balan"),
        ),
    ),
    Place(
        "Deutschland",
        "+49 1500",
        (("Köln", "50667"), ("Garmisch-Partenkirchen", "82467"), ("Gießen", "35390")),
        ("Große Straße", "Am Hügel", "Königsallee"),
        (
            ("Jürgen", "Groß", "juergen", "gross"),
            ("Käthe", "von der Höh", "kaethe", "vonderhoeh"),
            ("Björn", "Weiß", "björn", "weiß"),
        ),
    ),
    Place(
        "Polska",
        "+48 500",
        (("Łódź", "90-001"), ("Gdańsk", "80-001")),
        ("ulica Świętokrzyska", "aleja Róż"),
        (("Małgorzata", "Wójcik", "malgorzata", "wojcik"), ("Łukasz", "Żak", "lukasz", "zak")),
    ),
    Place(
        "Ελλάδα",
        "+30 690",
        (("Θεσσαλονίκη", "546 21"), ("Αθήνα", "105 57")),
        ("Οδός Ερμού",),
        (("Ελένη", "Παπαδάκη", "eleni", "papadaki"), ("Νίκος", "Ζωγράφος", "νικος", "ζωγραφος")),
    ),
    Place(
        "日本",
        "+81 90",
        (("東京都", "100-0001"), ("大阪市", "530-0001")),
        ("銀座一丁目", "本町二丁目"),
        (("花子", "佐藤", "hanako", "sato"), ("健", "高橋", "ken", "takahashi")),
    ),
    Place(
        "مصر",
        "+20 100",
        (("القاهرة", "11511"), ("الإسكندرية", "21500")),
        ("شارع النيل",),
        (("ليلى", "حسن", "layla", "hassan"), ("عمر", "فاروق", "omar", "farouk")),
    ),
    Place(
        "Việt Nam",
        "+84 90",
        (("Đà Nẵng", "550000"), ("Huế", "530000")),
        ("đường Lê Lợi",),
        (("Thị Hồng", "Nguyễn", "hong", "nguyen"), ("Đức", "Trần", "duc", "tran")),
    ),
)

# One reject each, by the reason code that Segpilot gives it (docs/email-addresses.md).
INVALID_ADDRESSES = {
    "email_no_at_sign": "{local}.example.com",
    "email_several_addresses": "{local}@example.com; {local}@example.org",
    "email_display_name": "Accounts <{local}@example.com>",
    "email_white_space": "{local} work@example.com",
    "email_bad_local_part": "{local}..work@example.com",
    "email_bad_domain": "{local}@-example.com",
    "email_dotless_domain": "{local}@intranet",
    "email_trailing_dot": "{local}@example.com.",
    "email_full_width_at": "{local}＠example.com",
    "email_mailto": "mailto:{local}@example.com",
}

# What is wrong with a row, by its place in each run of 500 rows; every other row is good.
CYCLE = 500
TROUBLE = {
    **dict.fromkeys((60, 260), "blank_email"),
    **dict.fromkeys((35, 135, 235, 335, 435), "invalid_email"),
    **dict.fromkeys((90, 190, 290, 390, 490), "duplicate_email"),
    **dict.fromkeys((75, 275), "bad_income"),
    **dict.fromkeys((175, 375), "bad_birth_date"),
    410: "unclosed_quote",
    415: "stray_quotes",
    420: "too_few_columns",
    430: "too_many_columns",
}


@dataclass(frozen=True)
class SegmentCounts:
    """What is in the file, by rows; every line but the header is a row.

    `people` are the distinct valid addresses in readable rows: those with the right number of columns and no
    unclosed quote. Quotes that stray about within a value (`"Ana "the boss" ",`) are readable.
    """

    rows: int
    people: int
    blank_emails: int
    invalid_emails: dict[str, int]
    duplicate_emails: int
    unclosed_quotes: int
    stray_quotes: int
    too_few_columns: int
    too_many_columns: int
    bad_incomes: int
    bad_birth_dates: int


def write_segment(path: Path, profiles: int = 10_000, *, seed: int = 2026) -> SegmentCounts:
    """Write `profiles` rows of CSV in UTF-8 under one header line; gzip it if the name ends in .gz."""
    counts: Counter[str] = Counter()
    with _open(path) as file:
        file.write(_line(COLUMNS))
        for line, trouble in _rows(profiles, seed):
            file.write(line)
            counts[trouble] += 1
    invalid = {code: counts[code] for code in INVALID_ADDRESSES if counts[code]}
    return SegmentCounts(
        rows=profiles,
        people=sum(counts[kind] for kind in ("none", "stray_quotes", "bad_income", "bad_birth_date")),
        blank_emails=counts["blank_email"],
        invalid_emails=invalid,
        duplicate_emails=counts["duplicate_email"],
        unclosed_quotes=counts["unclosed_quote"],
        stray_quotes=counts["stray_quotes"],
        too_few_columns=counts["too_few_columns"],
        too_many_columns=counts["too_many_columns"],
        bad_incomes=counts["bad_income"],
        bad_birth_dates=counts["bad_birth_date"],
    )


def _rows(profiles: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield each line with what is wrong with it: a trouble, a reason code, or "none"."""
    chance = random.Random(seed)  # noqa: S311 (made-up people)
    codes = list(INVALID_ADDRESSES)
    known = ""
    invalid_so_far = 0
    for number in range(profiles):
        row = _person(number, chance)
        trouble = TROUBLE.get(number % CYCLE, "none")
        if trouble == "none":
            known = row["EmailAddress"]
        elif trouble == "blank_email":
            row["EmailAddress"] = chance.choice(["", "  "])
        elif trouble == "invalid_email":
            trouble = codes[invalid_so_far % len(codes)]
            invalid_so_far += 1
            row["EmailAddress"] = INVALID_ADDRESSES[trouble].format(local=f"person{number}")
        elif trouble == "duplicate_email":
            row["EmailAddress"] = _respell(known, chance)
        elif trouble == "bad_income":
            row["AnnualIncome"] = "n/a (asked twice)"
        elif trouble == "bad_birth_date":
            row["BirthDate"] = "31/02/1980"
        yield _spoil(list(row.values()), trouble), trouble


def _person(number: int, chance: random.Random) -> dict[str, str]:
    place = chance.choice(PLACES)
    first, last, mailbox_first, mailbox_last = chance.choice(place.names)
    city, postal_code = chance.choice(place.cities)
    mailbox = f"{mailbox_first}.{mailbox_last}"
    domain = chance.choice(
        ["example.com", "example.org", "example.net", "mail.example.com", "büro.example.org"]
    )
    born = date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
    since = date(2010, 1, 1) + timedelta(days=chance.randrange(5_800))
    values = (
        str(100_000 + number),
        first,
        last,
        f"{mailbox}{number}@{domain}",
        f"{place.phone} {chance.randrange(10**6):06}",
        f"{chance.choice(place.streets)} {chance.randrange(1, 200)}",
        city,
        postal_code,
        place.country,
        f"{born.month}/{born.day}/{born.year}",
        chance.choice(["", f"${chance.randrange(10, 180) * 1000:,} "]),
        str(chance.randrange(40)),
        since.isoformat(),
        chance.choice(["true", "true", "true", "false", ""]),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _respell(address: str, chance: random.Random) -> str:
    spellings = [address.title(), address.upper(), f" {address} ", unicodedata.normalize("NFD", address)]
    # Upper case is not always undone by lower case: that of "ß" and of a final "ς" gives another mailbox.
    same = [text for text in spellings if unicodedata.normalize("NFC", text.strip().lower()) == address]
    return chance.choice(same)


def _spoil(values: list[str], trouble: str) -> str:
    if trouble == "unclosed_quote":
        # In the last column, so that no quote of the same line can close it.
        return _line([*values[:-1], "CONSENT"]).replace("CONSENT", '"true')
    if trouble == "stray_quotes":
        return _line([values[0], "NAME", *values[2:]]).replace("NAME", f'"{values[1]} "the boss" "')
    if trouble == "too_few_columns":
        return _line(values[:5])
    if trouble == "too_many_columns":
        return _line([*values, "left over", "from another export"])
    return _line(values)


def _line(values: tuple[str, ...] | list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(values)
    return line.getvalue()


def _open(path: Path) -> IO[str]:
    if path.suffix != ".gz":
        return path.open("w", encoding="utf-8", newline="")
    # Without a time in it, the same rows make the same file.
    packed = gzip.GzipFile(path, "wb", mtime=0)
    return io.TextIOWrapper(packed, encoding="utf-8", newline="")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m devkit.sample_data", description="Write a sample segment."
    )
    parser.add_argument("path", type=Path, help="file to write, .csv or .csv.gz")
    parser.add_argument("--profiles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args(argv)
    counts = write_segment(arguments.path, arguments.profiles, seed=arguments.seed)
    json.dump(asdict(counts), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
