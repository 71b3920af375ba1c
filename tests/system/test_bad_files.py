"""The worst files through the whole system: each ends truthfully, nothing half-sent, and the next good upload works."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from random import Random

from tests.source_examples import DOCUMENT
from tests.system.driver import SUCCESSFUL, Segpilot
from tests.system.invariants import assert_one_story

GOOD = "Email,First\nana.{tag}@example.com,Ana\nion.{tag}@example.com,Ion\n"


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return content.getvalue()


def parquet() -> bytes:
    """Between its marks there is nothing but noise."""
    return b"PAR1" + Random(1).randbytes(2_000) + b"\xd0\x07\x00\x00PAR1"


def deep(levels: int) -> bytes:
    return b'{"Email":' + b"[" * levels + b"]" * levels + b"}\n"


PLAIN = GOOD.format(tag="x").encode()
REFUSED = {
    "empty.csv": b"",
    "nul.csv": bytes(5_000),
    "noise.csv": b"\xff\xfe\x00\x00" + Random(2).randbytes(3_000),
    "no-column.csv": b"Id,First\n1,Ana\n",
    "columns.csv": b",".join(b"c%d" % number for number in range(10_000)) + b"\n",
    "long-name.csv": b"x" * 300_000 + b"\n1\n",
    "header.csv": b'Email,"First\nana@example.com,Ana\n',
    "cut.csv.gz": gzip.compress(PLAIN * 100, mtime=0)[:-9],
    "garbage.csv.gz": gzip.compress(PLAIN, mtime=0) + b"more",
    "damaged.csv.gz": b"\x1f\x8b\x08\x00" + Random(3).randbytes(500),
    "twice.csv.gz": gzip.compress(gzip.compress(PLAIN, mtime=0), mtime=0),
    "outside.zip": zipped({"../people.csv": PLAIN}),
    "nested.zip": zipped({"inner.zip": zipped({"people.csv": PLAIN})}),
    "workbook.zip": zipped({"[Content_Types].xml": b"x"}),
    "cut.zip": zipped({"people.csv": PLAIN})[:-30],
    "many.zip": zipped({f"{number}.csv": PLAIN for number in range(1_500)}),
    "paper.csv": b"%PDF-1.7\n",
    "damaged.parquet": parquet(),
    "cut.parquet": b"PAR1",
    "cut.json": b'[{"Email":"ana@example.com"},\n{"Em',
    "numbers.jsonl": b"1\n2\n",
    "deep.jsonl": deep(5_000) * 3,
}
READ: dict[str, tuple[Callable[[str], bytes], set[str]]] = {
    "bytes.csv": (
        lambda good: good.encode() + b"\xc8\x9a\xc8\x9a\n\xff,x\n",
        {"too_few_fields", "bad_encoding"},
    ),
    "nuls.csv": (lambda good: good.encode() + b"a@example.com,\0\n", {"nul_byte"}),
    "open.csv": (lambda good: good.encode() + b'"a@example.com,x\n', {"unclosed_quote"}),
    "wide.csv": (lambda good: good.encode() + b",".join([b"x"] * 10_000) + b"\n", {"too_many_fields"}),
    "giant.csv": (lambda good: good.encode() + b"x," + b"y" * (3 << 20) + b"\n", {"line_too_long"}),
    "long.csv": (lambda good: good.encode() + b"a@example.com," + b"y" * 100_000 + b"\n", {"line_too_long"}),
    "utf32.csv": (lambda good: good.encode("utf-32"), set()),
    "utf16.csv": (lambda good: good.encode("utf-16-be"), set()),
    "parts.csv.gz": (
        lambda good: gzip.compress(good[:20].encode()) + gzip.compress(good[20:].encode()),
        set(),
    ),
    "deep.jsonl": (
        lambda good: (
            b"".join(
                json.dumps({"Email": line.split(",")[0], "First": "x"}).encode() + b"\n"
                for line in good.split("\n")[1:3]
            )
            + deep(3_000)
            + b'{"Email":NaN}\n{"Email":"\\ud800"}\n'
        ),
        {"bad_json"},
    ),
}
CODES = set(re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE))
ODD_NAMES = ["{tag}/a\u202e.csv", "{tag}/%2e%2e%2fa.csv", "{tag}/" + "x" * 900 + ".csv", "{tag}/<b>'\".csv"]


def test_files_that_are_refused_send_nothing_and_the_next_good_ones_work(app: Segpilot, tag: str) -> None:
    fields = [{"field": "FirstName", "column": "First"}]
    segments = {name: f"{tag}-{number}" for number, name in enumerate(REFUSED)}
    exports = {
        name: app.add_export(segment, email_column="Email", fields=fields)
        for name, segment in segments.items()
    }
    for name, data in REFUSED.items():
        app.upload(f"{segments[name]}/{name}", data)
    for name, export in exports.items():
        app.wait_until(lambda export=export: app.runs(export) or None, f"a run on {name}", 30)
        run = app.wait_for_run(export)
        assert run["status"] == "Failed", (name, run)
        assert run["failure"]["code"] in CODES, (name, run["failure"])
        assert name in run["failure"]["message"]
        assert (run["counts"]["sent"], app.simulator.members(segments[name])) == (0, [])

    mended = list(REFUSED)[::8]
    for name in mended:
        app.upload(f"{segments[name]}/good.csv", GOOD.format(tag=segments[name]).encode())
    for name in mended:
        run = app.wait_for_run(exports[name], 2)
        people = {f"{who}.{segments[name]}@example.com" for who in ("ana", "ion")}
        assert run["status"] == "Successful", (name, run)
        assert_one_story(app, run, people, rows=2)


def test_a_file_with_more_names_than_can_be_kept_is_told_of_and_the_next_one_works(
    app: Segpilot, tag: str
) -> None:
    app.upload(f"{tag}/people.csv", GOOD.format(tag=tag).encode())
    app.wait_until(lambda: app.find_segment(tag), "the segment")
    app.upload(f"{tag}/names.csv", b",".join(b"c%d" % number + b"x" * 990 for number in range(900)) + b"\n")
    app.wait_until(lambda: app.find_segment(tag)["warning"], "the warning")
    app.upload(f"{tag}/people.csv", GOOD.format(tag=tag).encode() + b"eva@example.com,Eva\n")
    app.wait_until(lambda: app.find_segment(tag)["rows"] == 3 or None, "the next file")


def test_files_with_bad_rows_send_the_others(app: Segpilot, tag: str) -> None:
    fields = [{"field": "FirstName", "column": "First"}]
    segments = {name: f"{tag}-{number}" for number, name in enumerate(READ)}
    exports = {
        name: app.add_export(segment, email_column="Email", fields=fields)
        for name, segment in segments.items()
    }
    for name, (make, _) in READ.items():
        app.upload(f"{segments[name]}/{name}", make(GOOD.format(tag=segments[name])))
    for name, (_, reasons) in READ.items():
        run = app.wait_for_run(exports[name])
        assert run["status"] in SUCCESSFUL, (name, run)
        assert set(run["rejected"]) == reasons, name
        assert_one_story(app, run, {f"{who}.{segments[name]}@example.com" for who in ("ana", "ion")})


def test_odd_names_are_read_or_passed_over_and_the_next_good_one_works(app: Segpilot, tag: str) -> None:
    export = app.add_export(tag, email_column="Email", fields=[])
    for number, name in enumerate(ODD_NAMES, 1):
        app.upload(name.format(tag=tag), GOOD.format(tag=tag).encode())
        run = app.wait_for_run(export, number)
        assert run["status"] in SUCCESSFUL, run
    assert len(app.simulator.members(tag)) == 2
    assert tag in [segment["name"] for segment in app.get(f"segments?search={tag}")["segments"]]
