"""JSON and Parquet: sound documents read exactly, and damaged in all places."""

import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import duckdb

from tests.fuzz.people import WIDER, read

_SCALARS = [None, True, False, 0, -1, 1.5, 2**53, "", "x", "Ț", "😀", 'q"', "a\nb", "\u0000", "1e999"]


def _value(random: Random, depth: int = 0) -> object:
    if depth > 3 or random.random() < 0.8:
        return random.choice(_SCALARS)
    if random.random() < 0.5:
        return [_value(random, depth + 1) for _ in range(random.randint(0, 3))]
    return {random.choice("abc"): _value(random, depth + 1) for _ in range(random.randint(0, 3))}


def _as_read(value: object) -> object:
    return (
        json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        if isinstance(value, dict | list)
        else value
    )


def _written(random: Random, objects: list[dict[str, object]]) -> str:
    ascii_only = random.random() < 0.5
    match random.randint(0, 4):
        case 0:
            return "\n".join(json.dumps(each, ensure_ascii=ascii_only) for each in objects)
        case 1:
            return json.dumps(objects, ensure_ascii=ascii_only)
        case 2:
            return json.dumps(objects, ensure_ascii=ascii_only, indent=random.choice([1, 2, "\t"]))
        case 3:
            return "[\n" + ",\r\n".join(json.dumps(each, ensure_ascii=ascii_only) for each in objects) + "]"
    return "\n\n".join(json.dumps(each, ensure_ascii=ascii_only, indent=2) for each in objects)


def _objects(random: Random) -> list[dict[str, object]]:
    keys = ["EMail", "First", "tags", "ñ", "a.b"]
    return [
        {"EMail": f"p{number}@example.com"}
        | {key: _value(random) for key in random.sample(keys[1:], random.randint(0, 4))}
        for number in range(random.randint(1, 30))
    ]


def check_json(random: Random) -> None:
    """Every way to write objects gives the same rows, as Python's own parser reads them."""
    objects = _objects(random)
    text = _written(random, objects)
    if text.startswith("{\n") and len(objects) == 1 and objects[0] == {}:
        return
    found = read(text.encode(random.choice(["utf-8", "utf-8-sig", "utf-16"])), "p.json")
    assert found.refused is None, found.refused
    assert found.broken == []
    assert found.values == [[_as_read(each.get(key)) for key in found.columns] for each in objects]


_BAD_LINES = [
    '{"EMail":NaN}', '{"EMail":Infinity}', '{"EMail":1e999}', '{"EMail":"\\ud800"}', '{"EMail":', "[1]", "7", "null", '"x"', "{'a':1}",
    '{"EMail":"a"} {"EMail":"b"}', '{"EMail":01}', '{"EMail":' + "[" * 2_000 + "]" * 2_000 + "}", '{"EMail":"\t"}', "{,}", "}", "]",
    '{"EMail":' + '{"a":' * 1_500 + "1" + "}" * 1_500 + "}", '{"a":"\\x"}', "\x00", "{" * 5_000, '{"EMail":"x', '{"EMail":tru}',
]  # fmt: skip


def check_json_lines(random: Random) -> None:
    """A line that is no object costs that line."""
    lines, good, bad = ['{"EMail":"first@example.com","n":0}'], [(1, ["first@example.com", 0])], []
    for number in range(2, 32):
        if random.random() < 0.3:
            lines.append(random.choice(_BAD_LINES))
            bad.append(number)
        elif random.random() < 0.1:
            lines.append('{"EMail":"one","n":1,"EMail":"two"}')  # the last one counts
            good.append((number, ["two", 1]))
        else:
            huge = random.choice([5, 123456789012345678, -(2**63)])
            lines.append(json.dumps({"EMail": f"p{number}@example.com", "n": huge}))
            good.append((number, [f"p{number}@example.com", huge]))
    found = read("\n".join(lines).encode(), "p.jsonl")
    assert found.rows == good
    assert [row.line for row in found.broken] == bad


def check_damaged_json(random: Random) -> None:
    """Whatever happens to a document: no row is made of two, and the file is read or refused."""
    objects = _objects(random)
    data = bytearray(_written(random, objects).encode())
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(data) + 1)
        match random.randint(0, 3):
            case 0:
                del data[place:]
            case 1:
                data[place:place] = random.choice(
                    [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\0", b"\xff", b"\n"]
                )
            case 2:
                del data[place : place + random.randint(1, 5)]
            case _:
                data[place:place] = random.choice(
                    [b"[" * 3_000, b'{"a":' * 3_000, b"9" * 5_000, b" " * 5_000]
                )
    found = read(bytes(data), "p.json")
    known = {each["EMail"] for each in objects}
    emails = (
        [values[found.columns.index("EMail")] for values in found.values] if "EMail" in found.columns else []
    )
    whole = [email for email in emails if email in known]
    assert len(whole) == len(set(whole))
    assert len(found.rows) <= len(objects) + 4


_SELECTS = [
    "SELECT 'p' || range || '@example.com' AS EMail, range AS n FROM range(3000)",
    "SELECT 'p' || range || '@example.com' AS EMail, {'a': range, 'b': [range, 1]} AS s, [1,2] AS l, MAP {'k': range} AS m FROM range(200)",
    "SELECT 'p' || range || '@example.com' AS EMail, DATE '2020-01-01' + range::INT AS d, TIMESTAMPTZ '2020-01-01' AS t, 1.5::DECIMAL(30,3) AS x,"
    " range::DOUBLE AS f, range % 2 = 0 AS b, encode('é') AS y, uuid() AS u, INTERVAL 1 DAY AS i, TIME '10:00' AS o FROM range(100)",
    "SELECT 'p' || range || '@example.com' AS EMail, NULL::INT AS n FROM range(10)",
    "SELECT 'p' || range || '@example.com' AS EMail, repeat('x', range::INT % 3000) AS n FROM range(2000)",
]  # fmt: skip


@cache
def _parquet(number: int, codec: str) -> tuple[bytes, int]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        path = Path(folder) / "a.parquet"
        database.execute(
            f"COPY ({_SELECTS[number]}) TO '{path}' (FORMAT parquet, COMPRESSION {codec}, ROW_GROUP_SIZE 2048)"
        )
        rows = database.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
        return path.read_bytes(), rows


def check_parquet(random: Random) -> None:
    """Damaged anywhere, a file is refused, or the rows come out as wide as they are."""
    whole, rows = _parquet(
        random.randrange(len(_SELECTS)), random.choice(["snappy", "zstd", "uncompressed", "gzip"])
    )
    data = bytearray(whole)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    what = random.choice(
        [
            "whole",
            "footer",
            "footer",
            "pages",
            "anywhere",
            "cut",
            "length",
            "magic",
            "encrypted",
            "zeros",
            "header",
        ]
    )
    match what:
        case "footer":
            for _ in range(random.randint(1, 6)):
                data[random.randrange(footer, len(data) - 8)] = random.choice(
                    [0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)]
                )
        case "pages":
            for _ in range(random.randint(1, 6)):
                data[random.randrange(4, footer)] = random.randrange(256)
        case "header":
            data[4 + random.randrange(24)] = random.randrange(256)
        case "anywhere":
            for _ in range(random.randint(1, 30)):
                data[random.randrange(4, len(data))] = random.randrange(256)
        case "cut":
            del data[random.randrange(4, len(data)) :]
        case "length":
            data[-8:-4] = random.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data)]).to_bytes(4, "little")
        case "magic":
            data[-4:] = random.choice([b"PAR2", bytes(4), b"par1"])
        case "encrypted":
            data[-4:] = b"PARE"
        case "zeros":
            at = random.randrange(4, footer)
            data[at : at + 200] = bytes(len(data[at : at + 200]))
    found = read(bytes(data), "p.parquet")
    if what == "whole":
        assert found.refused is None
        assert [values[0] for values in found.values] == [f"p{number}@example.com" for number in range(rows)]
    elif what in ("length", "magic", "encrypted", "cut"):
        assert found.refused in ("parquet-damaged", "parquet-too-large"), (what, found.refused)
    else:
        assert found.refused is None or found.refused.startswith(
            ("parquet-", "file-too-large", "header", "too-many")
        )


def check_wide_names(random: Random) -> None:
    """Names of keys are names of columns, whatever is in them."""
    keys = {
        "".join(random.choices([*WIDER, '"', "\n", "\u202e", "%2e", "../", "'"], k=3)): 1 for _ in range(5)
    }
    found = read(json.dumps([keys]).encode(), "p.json")
    assert found.refused is None
    assert found.values == [[1] * len(keys)]
