"""What exploring begins with, per target: small inputs of our own that reach each parser's depths."""

import base64
import gzip
import io
import zipfile
from collections.abc import Mapping

_CSV = b'email,name\na@example.com,Ana\nb@example.com,"Io, ""n""\nx"\n\nc@example.com,\xc8\x9a\n'
_JSON = b'{"email":"a@example.com","n":1.5,"t":["x",{"y":null}]}\n{"email":"b@example.com"}\n'
_MODEL = (
    b'{"entities":[{"attributes":[{"name":"EMail"}],"partitions":[{"location":'
    b'"https://x.blob.core.windows.net/c/CustomerInsights_1/Export/VIP/2026/03/01/0800/p_1.csv",'
    b'"fileFormatSettings":{"columnHeaders":true,"delimiter":","}}]}]}'
)
_DROP = b'{"exportResults":[{"sinkPath":"/x","name":"a_1.csv","size":12}]}'


def _archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.csv", _CSV)
        packed.writestr("manifest.json", b'{"files":[{"file_name":"a.csv","total_rows":3}]}')
        packed.writestr("b.csv", _CSV)
    return content.getvalue()[4:]


SEEDS: Mapping[str, list[bytes]] = {
    "csv": [
        b"\x00" + _CSV,
        b"\x07" + _CSV.replace(b",", b";"),
        b"\x00sep=;\na;b\n1;2\n",
        b'\x00a,b\r1,"\x002"\r\n3\n',
    ],
    "encoding": [
        b"\x03" + _CSV,
        b"\x01N\xc3\xba\xf1ez \xed\xa0\x80",
        b"\x00\xff\xfea\x00",
        b"\x02\xfe\xff\xd8\x00",
    ],
    "json": [
        b"\x00" + _JSON,
        b"\x00[" + _JSON.replace(b"}\n{", b"},\n{") + b"]",
        b'\x00{\n "a": 1\n}\n{\n "a": 2\n}\n',
        b'\x01{"segmentMembership":{"ups":{"status":"exited"}},"a":{"b":1}}\n',
        b'\x02{"IsAddRequest":true,"IdentityValues":{"email":"a@example.com"}}\n',
        b'\x03{"type":"identify","traits":{"email":"a@example.com"},"userId":"1"}\n',
    ],
    "zip": [b"\x00" + _archive()],
    "gzip": [gzip.compress(_CSV, mtime=0)[2:], (gzip.compress(b"a\n", mtime=0) * 2)[2:] + b"\0\0"],
    "email": [
        b"ana@example.com",
        " Ana <ANA@exämple.com>".encode(),
        "ț.ț@müller.example.org\u200b".encode(),
        b'"a b"@example.com',
        b"a@[127.0.0.1]",
        b"mailto:a@b.co;c@d.co",
    ],
    "values": [
        b"1,234.50",
        b"(EUR 1.234,5)",
        b"2026-03-01T08:00:00.5+02:00",
        b"31/12/2026 11:59 pm",
        b"yes",
        b"-1e9999",
        b"20260301",
    ],
    "names": [
        b"vip/a.csv",
        b"CustomerInsights_1/Export/VIP/2026/03/01/0800/p_1.csv",
        b"CustomerInsights_1/Export/model.json",
        b"vip/manifest-1-2.json",
        b"vip/IncrementalData/2026/03/01/08/Deletes/p.csv",
        b"a/x_20260301-080000.csv|a/x_20260301-090000.csv",
        b"../a/%2e%2e/b.csv",
    ],
    "manifest": [_MODEL, _DROP],
    "multipart": [
        b'x\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x\r\n'
        b'Content-Disposition: form-data; name="f"; filename="p.csv"\r\nContent-Type: text/csv\r\n\r\na,b\r\n--x--\r\n',
        b"\na=1&b-1-x=%C8%9A&a=2",
    ],
    "headers": [
        b"120",
        b"Wed, 21 Oct 2026 07:28:00 GMT",
        base64.b64encode(
            b'{"claims":[{"typ":"roles","val":"Viewer"},{"typ":"name","val":"Ana"}],"role_typ":"roles"}'
        ),
        b'{"claims":[{"typ":"roles","val":"Viewer"},{"typ":"name","val":"Ana"}],"role_typ":"roles"}',
    ],
    "schedules": [
        b'{"recurrence":"daily","times":["08:00"],"time_zone":"Europe/Bucharest"}',
        b'{"recurrence":"monthly","times":["02:30","23:59"],"days_of_month":[1,31],"time_zone":"America/New_York"}',
        b'{"recurrence":"weekly","times":["00:00"],"weekdays":["monday","sunday"]}',
        b'{"recurrence":"hourly","minute":59,"time_zone":"Australia/Lord_Howe"}',
    ],
    "columns": [b"EMail\n\n email \nEMAIL_2\n__leaves", "Stra\u00dfe\nSTRASSE\n\u0130".encode()],
}
