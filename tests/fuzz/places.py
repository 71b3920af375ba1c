"""Names of blobs and manifests: nothing outside is read, and no name spoils what else there is."""

import json
from random import Random

from shared.domain.access import Principal, Role
from shared.domain.errors import Invalid, SegmentUnreadable
from shared.pipeline.journal import Journal
from shared.usecases.segments.segments import SegmentQuery, Segments
from tests.fakes import MemoryBlobs
from tests.fuzz.targets import require_sentence
from tests.inbox import Inbox

_STEPS = ["..", ".", "", "%2e%2e", "%2F", "%00", "%", "\u202e", "\u200f", "a\\b", "\x01", "\x7f", "\n", "x" * 300, "x" * 1_000, "vip", "VIP",
          "ț", "😀", "a b", "CustomerInsights_1", "Export", "2026/03/01/0800", "IncrementalData", "model.json", "_x", "manifest-1.json",
          "con", "~", "#", "?", "a:b", "<script>", "'", "con.csv", "{name}"]  # fmt: skip
_ENDINGS = [".csv", ".CSV.GZ", ".json", ".zip", ".parquet", "", ".exe", ".csv.", ".csv@snapshot=2026"]
_VIEWER = Principal("Ana", Role.VIEWER)
_FOLDER = "CustomerInsights_1/Export"


def _notice(inbox: Inbox, name: str) -> None:
    try:
        inbox.notice(name)
        inbox.settle()
    except (SegmentUnreadable, Invalid) as problem:
        require_sentence(problem)


def _require_in_order(inbox: Inbox) -> None:
    """The list of segments can be shown, and the next good file is taken."""
    inbox.clock.advance(3_600)
    inbox.upload("good/a.csv")
    segments = Segments(
        inbox.stores, inbox.peeker, Journal(MemoryBlobs(), inbox.clock), max_profiles_per_run=1_000
    )
    page = segments.page(SegmentQuery(size=200), _VIEWER)
    assert "good" in [segment.name for segment in page.segments]
    for segment in page.segments:
        segments.get(segment.name, _VIEWER).model_dump_json()


def check_names(random: Random) -> None:
    """A name is that of a file of the segment in its first step, or of nothing."""
    inbox = Inbox("good", "vip")
    name = "/".join(random.choices(_STEPS, k=random.randint(1, 6)))[:1_020] + random.choice(_ENDINGS)
    inbox.put(name)
    _notice(inbox, name)
    for segment in inbox.stores.segments.all():
        assert segment.name
        assert segment.source in name + "/"
        assert [file.name for file in segment.snapshot.files] == [name]
    _require_in_order(inbox)


_LOCATIONS = [
    "https://acct.blob.core.windows.net/c/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_{n}.csv",
    "https://acct.blob.core.windows.net/c/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_{n}.csv?sv=1&sig=x",
    "https://acct.blob.core.windows.net/c/CustomerInsights_1/Export/../../state/keys.csv",
    "https://acct.blob.core.windows.net/c/CustomerInsights_1/Export/%2e%2e/%2e%2e/state/keys.csv",
    "https://acct.blob.core.windows.net/c/CustomerInsights_1/Export/VIP\\..\\..\\x.csv",
    "https://elsewhere.example.com/VIP/2026/03/01/0800/p_{n}.csv",
    "http://169.254.169.254/metadata/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_{n}.csv",
    "file:///etc/passwd", "/etc/passwd", "C:\\x\\y.csv", "//server/share/p.csv", "VIP/2026/03/01/0800/p_{n}.csv", "", " ", "\u0000", "http://[::1",
    "https://x/CustomerInsights_1/Export/model.json", "https://x/CustomerInsights_1/Export/", "https://x/CustomerInsights_1/Export/VIP/",
    "https://x/CustomerInsights_1/Export/VIP/2026/03/01/0800/missing_{n}.csv", "https://x/CustomerInsights_2/Export/VIP/2026/03/01/0800/p.csv",
    "https://x/CustomerInsights_1/Export/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_{n}.csv", "https://x/CustomerInsights_1/Export/" + "x/" * 2_000,
    "javascript:alert(1)", "https://x/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_{n}.csv#/../x", "\ud7ff\u202e",
]  # fmt: skip
_ODD = [None, 7, -1, 1e300, True, "", "x", [], {}, [None], {"a": 1}, [[[[]]]], "x" * 10_000]


def _spoil(random: Random, thing: object) -> object:
    """Put something else in the place of one part of a document."""
    if isinstance(thing, dict) and thing and random.random() < 0.8:
        key = random.choice(list(thing))
        if random.random() < 0.15:
            return {each: thing[each] for each in thing if each != key}
        return {**thing, key: _spoil(random, thing[key])}
    if isinstance(thing, list) and thing and random.random() < 0.8:
        place = random.randrange(len(thing))
        return [_spoil(random, each) if at == place else each for at, each in enumerate(thing)]
    return random.choice(_ODD)


def check_model_json(random: Random) -> None:
    """Whatever a manifest says: its segment's files lie in its own folder, or it is refused."""
    inbox = Inbox("good", "VIP")
    files = [f"{_FOLDER}/VIP/2026/03/01/0800/p_{number}.csv" for number in range(3)]
    for file in files:
        inbox.put(
            file,
            random.choice(
                ["1,a@example.com\n", "Id,EMail\n1,a@example.com\n", ""]
                if random.random() < 0.3
                else ["1,a@example.com\n"]
            ),
        )
    inbox.put("state/keys.csv", "Id,EMail\n1,secret@example.com\n")
    locations = [
        (_LOCATIONS[0] if random.random() < 0.7 else random.choice(_LOCATIONS)).replace("{n}", str(number))
        for number in range(random.randint(1, 3))
    ]
    settings = {
        "columnHeaders": random.choice([True, False, "true"]),
        "delimiter": random.choice([",", ",", ";", "||", "\t", "", "a", "\u0000"]),
    }
    document: object = {
        "name": "Export",
        "entities": [
            {
                "name": "VIP",
                "attributes": [
                    {"name": name, "dataType": "string"}
                    for name in random.choice([["Id", "EMail"], [], ["Id"], ["EMail"] * 2_100])
                ],
                "partitions": [
                    {"name": "p", "location": location, "fileFormatSettings": settings}
                    for location in locations
                ],
            }
        ],
    }
    for _ in range(random.choice([0, 0, 1, 2])):
        document = _spoil(random, document)
    data = bytearray(random.choice([b"", b"\xef\xbb\xbf"]) + json.dumps(document).encode())
    if random.random() < 0.15:
        del data[random.randrange(len(data)) :]
    if random.random() < 0.1:
        data[random.randrange(len(data) + 1) : 0] = b"\xff\0"
    inbox.put(f"{_FOLDER}/model.json", bytes(data))
    for name in random.sample([f"{_FOLDER}/model.json", *files], 2):
        _notice(inbox, name)
    for segment in inbox.stores.segments.all():
        assert {file.name for file in segment.snapshot.files} <= set(files), segment.snapshot.files
    _require_in_order(inbox)


def check_drop_manifest(random: Random) -> None:
    """Adobe's manifest only ever names what lies beside it."""
    inbox = Inbox("good", "vip")
    inbox.declare("vip", "adobe")
    files = {f"vip/x{ending}.csv": "EMail\na@example.com\n" for ending in ("", "_2", "_3")}
    for file, text in files.items():
        inbox.put(file, text)
    names = [
        "x.csv",
        "x_2.csv",
        "x_3.csv",
        "../state/keys.csv",
        "/etc/passwd",
        "https://x/y.csv",
        "x_4.csv",
        ".",
        "",
        "a\\b",
        "\u202e",
        "x" * 2_000,
    ]
    sizes = [20, 20, 20, 21, -1, "20", 1e308, "9" * 5_000, True]
    results = [
        {
            "sinkPath": "/x",
            "name": random.choice(names if random.random() < 0.3 else names[:3]),
            "size": random.choice(sizes if random.random() < 0.3 else [20]),
        }
        for _ in range(random.randint(1, 4))
    ]
    document: object = {"exportResults": results}
    if random.random() < 0.3:
        document = _spoil(random, document)
    inbox.put("vip/manifest-1-2.json", json.dumps(document))
    for name in random.sample(["vip/manifest-1-2.json", *files], 2):
        _notice(inbox, name)
    for segment in inbox.stores.segments.all():
        assert {file.name for file in segment.snapshot.files} <= set(files)
    _require_in_order(inbox)
