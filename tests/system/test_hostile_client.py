"""Whatever a client sends: documented answers, no change that is not allowed, and the next request is answered."""

import base64
import gzip
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

import portal.pages  # noqa: F401 # registers them
from devkit.local.stack import LocalStack
from functions.api import operations
from portal.routing import pages
from tests.system.driver import Segpilot
from tests.system.test_access_matrix import World, build_world
from tests.system.wire import JSON, Answer, Header, Someone, Wire, read_answer

PROBLEM = {"type", "title", "status", "detail", "remedy", "instance"}
REFUSALS = {400, 401, 403, 404, 405, 408, 409, 411, 412, 413, 417, 422, 428}
CONSENT = {"agreed": True, "version": "1"}
MEMORY_MB = 800
"""More than two bodies of 100 MB beside the app; one that were kept per request would pass it."""

IDS = (
    "%00",
    "..",
    "%2e%2e",
    "..%2F..%2Fsegpilot",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "a%0d%0aX-Injected:%201",
    "%ED%A0%80",
    "%E2%80%AE%F0%9F%98%80",
    "%25%2500",
    "'%20or%20'1'%20eq%20'1",
    "x" * 5_000,
)
SEGMENT_IDS = {"segments/{name}/source", "segments/{name}/sample"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """People sign in; the holder of the key is a contributor; one function has a key of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    write_keys(folder / "host")
    settings = {
        "WEBSITE_AUTH_ENABLED": "True",
        "FUNCTION_KEY_ROLE": "contributor",
        "SETTLE_TIME_S": "1",
        "MAX_CALLS_PER_S": "0",
    }
    with LocalStack(folder, settings=settings) as running:
        yield running


def write_keys(folder: Path) -> None:
    folder.mkdir(parents=True)
    document = {
        "masterKey": secrets.token_urlsafe(),
        "functionKeys": {"default": secrets.token_urlsafe()},
        "functions": {"list_exports": {"own": secrets.token_urlsafe()}},
        "systemKeys": {"durabletask_extension": secrets.token_urlsafe()},
        "sessionSecret": secrets.token_urlsafe(),
    }
    (folder / "keys.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture(scope="module")
def wire(stack: LocalStack) -> Wire:
    return Wire(stack.host_url, stack.function_key)


@pytest.fixture(scope="module")
def people(wire: Wire) -> dict[str, Someone]:
    return {role: Someone(wire, role) for role in ("administrator", "contributor", "viewer")}


@pytest.fixture(scope="module")
def theirs(stack: LocalStack, people: dict[str, Someone]) -> World:
    """What administrators keep to themselves."""
    return build_world(AsAdministrator(stack, people["administrator"]), "administrators")


class AsAdministrator(Segpilot):
    """Drives the app as a person: the key's role would not do."""

    def __init__(self, stack: LocalStack, person: Someone) -> None:
        super().__init__(stack)
        self._session.headers.update({"Cookie": str(person.cookies[1])})


@pytest.fixture(autouse=True)
def answers_afterwards(wire: Wire, stack: LocalStack) -> Iterator[None]:
    """After everything here the next request is answered as ever, and the host has not grown without bounds."""
    yield
    assert wire.ask("GET", "/api/exports", key=True).status == 200
    peak = re.search(
        r"VmHWM:\s+(\d+) kB", Path(f"/proc/{host_pid(stack)}/status").read_text(encoding="utf-8")
    )
    assert peak is None or int(peak[1]) < MEMORY_MB << 10


def host_pid(stack: LocalStack) -> int:
    record = json.loads(next(stack.state.glob("*.json")).read_text(encoding="utf-8"))
    return int(next(part["pid"] for part in record["parts"] if part["name"] == "app"))


def is_documented(answer: Answer) -> bool:
    """Tell whether this is how the API, or the host before it, refuses."""
    if answer.status not in REFUSALS:
        return False
    if not answer.body or answer.headers.get_content_type() == "text/plain":  # the host itself
        return True
    document = answer.document
    return (
        answer.headers.get_content_type() == "application/problem+json"
        and document["status"] == answer.status
        and (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"])
        == ("no-store", "nosniff")
        and set(document) - PROBLEM <= {"errors", "dependents"}
        and set(document) >= PROBLEM
        and document["type"].startswith("urn:segpilot:problem:")
    )


def is_page(answer: Answer) -> bool:
    """Tell whether a person can read what was refused."""
    if answer.status not in REFUSALS:
        return False
    page = BeautifulSoup(answer.body, "html.parser")
    return bool(page.h1 and page.h1.get_text(strip=True)) and "Traceback" not in answer.text


def wrong(
    answers: Sequence[tuple[object, Answer]], test: object = is_documented
) -> list[tuple[str, int, bytes]]:
    assert callable(test)
    return [(str(what)[:150], each.status, each.body[:300]) for what, each in answers if not test(each)]


# What is no HTTP, and what is HTTP but nobody sends


def test_what_is_no_proper_request_is_refused_by_the_host(wire: Wire) -> None:
    post = [
        [("Content-Length", "-1")],
        [("Content-Length", "+2")],
        [("Content-Length", "9" * 40)],
        [("Content-Length", "9" * 5_000)],
        [("Content-Length", "2"), ("Content-Length", "3")],
        [("Content-Length", "2"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "xchunked")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
        [("Transfer-Encoding", "chunked")],  # and then no chunk
        [("X-Odd", "\xff\xfe")],
        [("Host", "a"), ("Host", "b")],
        [("Expect", "a-miracle")],
        [("X-Long", "x" * 9_000)],
        [(f"X-{number}", "x") for number in range(5_000)],
    ]
    said = [wire.head("POST", "/api/exports", [JSON, *headers], key=True) + b"{}" for headers in post]
    said += [
        b"GET /api/exports HTTP/1.1\r\n\r\n",
        b"GET /api/exports HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /api/exports HTTP/1.1\nHost: x\n\n",
        b"GET /api/exports HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        b"GET /api/exports HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"get /api/exports HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\xff\r\n\r\n",
    ]
    assert wrong([(data, wire.say(data)) for data in said]) == []


def test_other_methods_and_headers_that_name_them_change_nothing(
    wire: Wire, people: dict[str, Someone]
) -> None:
    methods = ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "DELETE", "PUT")
    paths = ("/api/exports", "/api/signed-in/exports", "/portal/", "/portal/exports/new")
    answers = [((method, path), wire.ask(method, path, key=True)) for method in methods for path in paths]
    assert wrong(answers) == []

    named = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")
    for name in named:
        answer = wire.ask("GET", "/api/exports", [(name, "POST")], key=True)
        assert (answer.status, set(answer.document)) == (200, {"exports", "next", "total"})
    assert wire.ask("GET", "/api/exports?_method=DELETE", key=True).status == 400
    assert (
        people["viewer"].post("/portal/preferences?_method=GET", b"_method=GET", ("X-CSRF-Token", "x")).status
        == 403
    )


# Bodies


def connection(**changes: object) -> bytes:
    return json.dumps({"display_name": "Hostile", "api_key": "a-key", "consent": CONSENT, **changes}).encode()


def test_bodies_that_are_no_such_json_are_refused(wire: Wire, people: dict[str, Someone]) -> None:
    plain = connection()
    bodies = {
        "deep lists": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "1e400": plain[:-1] + b',"max_calls_per_s":1e400}',
        "-1e400": plain[:-1] + b',"max_calls_per_s":-1e400}',
        "NaN": plain[:-1] + b',"max_calls_per_s":NaN}',
        "5,000 digits": plain[:-1] + b',"max_calls_per_s":1' + b"0" * 5_000 + b"}",
        "lone surrogate": plain.replace(b"Hostile", b"a\\ud800b"),
        "surrogate in bytes": plain.replace(b"Hostile", b"a\xed\xa0\x80b"),
        "no UTF-8": plain.replace(b"Hostile", b"\xff\xfe"),
        "UTF-16": plain.decode().encode("utf-16"),
        "byte order mark": b"\xef\xbb\xbf" + plain,
        "two documents": plain + plain,
        "a list": b"[" + plain + b"]",
        "__proto__": plain[:-1] + b',"__proto__":{"role":"administrator"}}',
        "packed": gzip.compress(plain),
        "over 1 MiB": connection(display_name="x" * (1 << 20)),
    }
    answers = []
    for name, body in bodies.items():
        packed = [("Content-Encoding", "gzip")] if name == "packed" else []
        person = people["administrator"].cookies
        answers.append((name, wire.ask("POST", "/api/connections", [JSON, person, *packed], body, key=True)))
    assert wrong(answers) == []
    assert {answer.status for _, answer in answers} == {400}


def test_of_two_members_with_one_name_the_last_counts_for_everything(
    wire: Wire, people: dict[str, Someone]
) -> None:
    body = connection()[:-1] + b',"display_name":"Second"}'
    made = wire.ask("POST", "/api/connections", [JSON, people["administrator"].cookies], body, key=True)
    assert (made.status, made.document["display_name"]) == (201, "Second")
    location = made.headers["Location"].removeprefix(f"http://{wire.host}")
    shown = wire.ask("GET", location, [people["administrator"].cookies], key=True)
    assert shown.document["display_name"] == "Second"


def test_what_a_body_is_called_changes_nothing(wire: Wire) -> None:
    kinds = (
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "x" * 5_000,
    )
    answers = [
        (kind, wire.ask("POST", "/api/exports", [("Content-Type", kind)], b"{}", key=True)) for kind in kinds
    ]
    assert wrong(answers) == []
    assert {answer.document["detail"] for _, answer in answers} == {answers[0][1].document["detail"]}


def test_giant_bodies_are_refused_whatever_they_say_of_their_length(
    wire: Wire, people: dict[str, Someone]
) -> None:
    piece, pieces = b"x" * (1 << 20), 99

    def send(
        path: str, *headers: Header, key: bool = False, count: int = pieces, frame: bool = False
    ) -> Answer:
        framed = b"%x\r\n%s\r\n" % (len(piece), piece) if frame else piece
        return wire.say(wire.head("POST", path, headers, key=key), (framed for _ in range(count)))

    declared = ("Content-Length", str(pieces << 20))
    too_long = ("Content-Length", str((100 << 20) + 1))
    chunked = ("Transfer-Encoding", "chunked")
    packed = gzip.compress(b" " * (300 << 20), 9)
    answers = [
        ("declared", send("/api/exports", JSON, declared, key=True)),
        ("declared, people", send("/api/signed-in/exports", declared)),
        ("too long", send("/api/exports", JSON, too_long, key=True, count=1)),
        ("chunked", send("/api/exports", JSON, chunked, key=True, frame=True, count=8)),
        ("packed", wire.ask("POST", "/api/exports", [JSON, ("Content-Encoding", "gzip")], packed, key=True)),
    ]
    assert wrong(answers) == []
    assert [answer.status for _, answer in answers] == [400, 401, 413, 411, 400]
    own = ("Sec-Fetch-Site", "same-origin")
    form = ("Content-Type", "application/x-www-form-urlencoded")
    parts = ("Content-Type", "multipart/form-data; boundary=x")
    viewer = people["viewer"].cookies
    asked = [
        (form, send("/portal/preferences", viewer, own, form, declared)),
        (parts, send("/portal/preferences", viewer, own, parts, declared)),
        ("nobody", send("/portal/segments/new", parts, declared)),
    ]
    assert wrong(asked, is_page) == []
    assert [answer.status for _, answer in asked] == [400, 400, 401]


def test_slow_clients_keep_nobody_waiting(wire: Wire) -> None:
    """Bodies of a byte a second are given up, heads that never end are not waited for by anybody else."""
    bodies = [wire.open() for _ in range(40)]
    heads = [wire.open() for _ in range(40)]

    def trickle(number: int) -> int:
        with bodies[number] as slow:
            slow.sendall(wire.head("POST", "/api/exports", [JSON, ("Content-Length", "1000")], key=True))
            slow.settimeout(1)
            for _ in range(25):
                try:
                    return read_answer(slow).status
                except TimeoutError:
                    slow.sendall(b" ")
            return 0

    for each in heads:
        each.sendall(b"GET /api/exports HTTP/1.1\r\nHost: x\r\nX-Endless: ")
    with ThreadPoolExecutor(len(bodies)) as pool:
        statuses = [pool.submit(trickle, number) for number in range(len(bodies))]
        during = [wire.ask("GET", "/api/exports", key=True).status for _ in range(20)]
        assert during == [200] * 20
        assert {each.result() for each in statuses} == {408}
    for each in heads:
        each.sendall(b"x")
        each.close()


# Who one is


def principal(role: str) -> str:
    claims = [{"typ": "roles", "val": role}, {"typ": "name", "val": "Boss"}]
    return base64.b64encode(json.dumps({"claims": claims, "role_typ": "roles"}).encode()).decode()


FORGED: list[Header] = [
    ("X-MS-CLIENT-PRINCIPAL", principal("administrator")),
    ("x-ms-client-principal", principal("administrator")),
    ("X-MS-CLIENT-PRINCIPAL-NAME", "boss"),
    ("X-MS-CLIENT-PRINCIPAL-ID", "1"),
    ("X-MS-CLIENT-PRINCIPAL-IDP", "aad"),
    ("X-MS-TOKEN-AAD-ID-TOKEN", "a.b.c"),
    ("X-MS-CLIENT_PRINCIPAL", principal("administrator")),
    ("Authorization", "Bearer a.b.c"),
]


def test_forged_headers_make_nobody_more_than_they_are(wire: Wire, people: dict[str, Someone]) -> None:
    for path in (
        "/api/signed-in/exports",
        "/api/signed-in/connections",
        "/api/signed-in/audit?day=2026-01-01",
    ):
        assert wire.ask("GET", path, FORGED).status == 401
    assert wire.ask("GET", "/portal/", FORGED).status == 302
    assert wire.ask("POST", "/api/connections", [JSON, *FORGED], connection(), key=True).status == 403
    viewer = [people["viewer"].cookies, *FORGED]
    assert wire.ask("POST", "/api/signed-in/connections", [JSON, *viewer], connection()).status == 403
    assert wire.ask("GET", "/portal/connections/new", viewer).status == 403
    assert wire.ask("GET", "/portal/audit", viewer).status == 403


def test_each_key_opens_what_it_is_for(wire: Wire, stack: LocalStack) -> None:
    keys = json.loads((stack.state / "host" / "keys.json").read_text(encoding="utf-8"))
    own, master, system = keys["functions"]["list_exports"]["own"], keys["masterKey"], keys["systemKeys"]
    function, durable = wire._key, system["durabletask_extension"]

    def status(path: str, *keys: str, query: str = "") -> int:
        headers = [("x-functions-key", key) for key in keys]
        return wire.ask("GET", path + (f"?code={query}" if query else ""), headers).status

    assert [status("/api/exports", key) for key in (own, function, master)] == [200, 200, 200]
    assert status("/api/exports", query=own) == 200
    for path in ("/api/connections", "/api/runs", "/api/audit"):
        assert [status(path, own), status(path, query=own)] == [401, 401]
    assert status("/api/exports", durable) == 401
    assert [
        status("/api/exports", function, query="wrong"),
        status("/api/exports", "wrong", query=function),
    ] == [200, 401]
    assert status("/api/exports", "wrong", function) == 401
    odd = (
        "",
        " ",
        "null",
        "undefined",
        function[:-1],
        function + "x",
        function.upper(),
        "\xc3\xb1",
        f"{function},{function}",
    )
    assert {status("/api/exports", key) for key in odd} == {401}
    assert [status("/admin/host/status", key) for key in (own, function, durable, master)] == [
        401,
        401,
        401,
        200,
    ]
    durable_api = "/runtime/webhooks/durabletask/instances"
    assert status(durable_api, own) in (401, 403)
    assert status(durable_api, function) in (401, 403)


def test_a_session_is_nobodys_but_its_own(wire: Wire, people: dict[str, Someone]) -> None:
    """No value that was there before signing in is a session after it, and none that was altered is one."""
    planted = ("Cookie", "AppServiceAuthSession=planted; __Host-csrf=planted")
    form = ("Content-Type", "application/x-www-form-urlencoded")
    signed_in = wire.ask("POST", "/.auth/login/aad", [form, planted], b"who=viewer")
    assert signed_in.cookie("AppServiceAuthSession") not in ("", "planted")
    assert wire.ask("GET", "/portal/", [planted]).status == 302

    session = base64.urlsafe_b64decode(people["viewer"].session)
    for altered in (
        session.replace(b"viewer", b"administrator"),
        session[:-1],
        b"administrator|9999999999|",
        b"",
    ):
        cookie = ("Cookie", f"AppServiceAuthSession={base64.urlsafe_b64encode(altered).decode()}")
        assert wire.ask("GET", "/portal/", [cookie]).status == 302
        assert wire.ask("GET", "/api/signed-in/exports", [cookie]).status == 401


# What belongs to others


def test_ids_that_cannot_be_lead_nowhere(wire: Wire, people: dict[str, Someone]) -> None:
    person = people["administrator"]
    headers: list[Header] = [JSON, person.cookies, ("Sec-Fetch-Site", "same-origin"), ("If-Match", "*")]
    answers = []
    for operation in operations.declared:
        if "{" not in operation.route:
            continue
        for value in IDS:
            path = re.sub(r"{(id|name)}", value.replace("\\", "\\\\"), operation.route)
            answer = wire.ask(
                operation.method, f"/api/signed-in/{path}", headers, b"{}" if operation.body else b""
            )
            answers.append(((operation.method, path), answer))
    assert len(answers) > 400
    assert (
        wrong(answers, lambda each: is_documented(each) or (each.status == 200 and not holds_much(each)))
        == []
    )
    assert not [what for what, answer in answers if answer.headers["X-Injected"]]


def holds_much(answer: Answer) -> bool:
    """Lists of what belongs to something that is not there are empty."""
    return any(answer.document.values())


def test_nobody_gets_at_what_is_kept_from_them(wire: Wire, people: dict[str, Someone], theirs: World) -> None:
    run, export, connection_id = theirs.run, theirs.export, theirs.connection
    hidden = (
        f"runs/{run}/rejects",
        f"runs/{theirs.dry_run}/samples",
        f"connections/{connection_id}",
        f"connections/{connection_id}/lists",
        f"connections/{connection_id}/suppression",
        f"connections/{connection_id}/alert",
    )
    spellings = (
        str,
        str.upper,
        lambda path: path.replace("/", "//"),
        lambda path: path + "/",
        lambda path: f"x/../{path}",
    )
    spellings += (
        lambda path: path.replace("-", "%2D"),
        lambda path: path.replace("/", "%2F"),
        lambda path: path + "%00",
    )
    answers = [
        ((role, path), people[role].get(f"/api/signed-in/{spell(path)}"))
        for role in ("contributor", "viewer")
        for path in hidden
        for spell in spellings
    ]
    assert wrong(answers, lambda each: is_documented(each) and each.status in (400, 403, 404)) == []
    asked = [
        (path, people["contributor"].get(f"/portal/{path}"))
        for path in (f"runs/{run}/rejects", f"connections/{connection_id}", f"exports/{export}/edit")
    ]
    asked += [
        (path, people["contributor"].post(f"/portal/{path}", b""))
        for path in (
            f"exports/{export}/run",
            f"exports/{export}/remove",
            f"exports/{export}/deactivate",
            f"connections/{connection_id}/key",
            f"runs/{run}/retry",
        )
    ]
    assert wrong(asked, is_page) == []
    assert {answer.status for _, answer in asked} == {403}
    own = {
        "name": "Mine",
        "connection_id": connection_id,
        "email_column": "Email",
        "segments": [theirs.segment],
    }
    headers: list[Header] = [JSON, ("Sec-Fetch-Site", "same-origin"), people["contributor"].cookies]
    assert wire.ask("POST", "/api/signed-in/exports", headers, json.dumps(own).encode()).status == 403


def test_a_repeated_idempotency_key_gives_the_same_run_and_no_other_kind_of_run(
    wire: Wire, people: dict[str, Someone], theirs: World
) -> None:
    path = f"/api/signed-in/exports/{theirs.export}/runs"

    def run(body: bytes, key: str, who: str = "administrator") -> Answer:
        headers: list[Header] = [
            JSON,
            people[who].cookies,
            ("Sec-Fetch-Site", "same-origin"),
            ("Idempotency-Key", key),
        ]
        return wire.ask("POST", path, headers, body)

    first, second = run(b'{"dry":true}', "one"), run(b'{"dry":true}', "one")
    assert (first.status, first.document["id"]) == (second.status, second.document["id"])
    assert second.document["dry"] is True
    assert wrong([(body, run(body, "one")) for body in (b'{"full":true}', b"{}")]) == []
    assert [run(body, "one").status for body in (b'{"full":true}', b"{}")] == [409, 409]
    assert run(b'{"dry":true}', "one", "contributor").status == 403
    odd = ("../" * 500, "\xc3\xb1\xf0\x9f\x98\x80", "a/b#c?d", "x" * 8_000)
    answers = [(key, run(b'{"dry":true}', key)) for key in odd]
    assert {answer.status for _, answer in answers} == {first.status}
    assert len({answer.document["id"] for _, answer in answers}) == len(odd)


# Where one is led


def test_nobody_is_led_to_another_site(wire: Wire, people: dict[str, Someone]) -> None:
    person, token = people["viewer"], people["viewer"].token
    elsewhere = (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/portal/..//evil.example",
        "/portal/%09//evil.example",
    )
    elsewhere += (
        "/portal/%0d%0aLocation:%20//evil.example",
        "javascript:alert(1)",
        "/portal\\@evil.example",
        "%2F%2Fevil.example",
    )
    led = [
        person.post("/portal/preferences", f"csrf={token}&language=es&back={each}".encode())
        for each in elsewhere
    ]
    led += [person.get(f"/.auth/logout?post_logout_redirect_uri={each}") for each in elsewhere]
    led += [
        wire.ask("GET", path)
        for path in (
            "/portal//evil.example",
            "//portal/exports",
            "/portal/%2F%2Fevil.example",
            "http://evil.example/portal/",
        )
    ]
    led += [
        wire.ask("GET", "/portal/", [(name, "evil.example")])
        for name in ("Host", "X-Forwarded-Host", "X-Original-Host")
    ]
    led.append(
        wire.ask(
            "POST",
            "/api/connections",
            [JSON, ("Host", "evil.example"), people["administrator"].cookies],
            connection(),
            key=True,
        )
    )
    goals = [answer.headers["Location"] or answer.headers["HX-Redirect"] or "" for answer in led]
    assert [goal for goal in goals if not goal.isprintable() or resolved(wire, goal) != wire.host] == []
    asked = [parse_qs(urlsplit(goal).query).get("post_login_redirect_uri", [""])[0] for goal in goals]
    assert len([each for each in asked if each]) >= 4
    assert [each for each in asked if resolved(wire, each) != wire.host] == []
    live = person.get(
        "/portal/preferences?back=//evil.example",
        ("HX-Request", "true"),
        ("HX-Current-URL", "//evil.example"),
    )
    assert "evil.example/" not in live.text.replace("%2F", "/").replace("back=//evil.example", "")


def resolved(wire: Wire, goal: str) -> str:
    """Return the host that a browser goes to: backslashes are slashes to it."""
    return urlsplit(urljoin(f"http://{wire.host}/portal/", goal.replace("\\", "/"))).netloc


# Forms


def test_only_a_token_of_the_same_browser_lets_a_form_through(people: dict[str, Someone]) -> None:
    one, other = people["contributor"], people["viewer"]
    path, body = "/portal/preferences", b"theme=dark"

    def with_token(token: str) -> bytes:
        return body + f"&csrf={token}".encode()

    none: Header = ("X-CSRF-Token", "")
    assert one.post(path, with_token(one.token), none).status == 303
    assert one.post(path, with_token(one.token), none).status == 303  # a page may be sent twice
    refused = {
        "no token": one.post(path, body, none),
        "another browser's": one.post(path, with_token(other.token), none),
        "cut": one.post(path, with_token(one.token[:-4]), none),
        "the secret itself": one.post(path, with_token(one.secret), none),
        "no letters": one.post(path, with_token("%00%FF"), none),
        "giant": one.post(path, with_token("A" * 500_000), none),
        "the last of two": one.post(path, with_token(one.token) + b"&csrf=x", none),
        "as a file": one.post(
            path,
            f'--x\r\nContent-Disposition: form-data; name="csrf"; filename="a"\r\n\r\n{one.token}\r\n--x--'.encode(),
            none,
            ("Content-Type", "multipart/form-data; boundary=x"),
        ),
        "another secret": one.post(
            path, body, ("Cookie", f"AppServiceAuthSession={one.session}; __Host-csrf={other.secret}")
        ),
        "no secret": one.post(path, body, ("Cookie", f"AppServiceAuthSession={one.session}")),
        "two secrets": one.post(path, body, ("Cookie", f"{one.cookies[1]!s}; __Host-csrf=x")),
        "percent code": one.post(path, body, ("Cookie", f"{one.cookies[1]!s}%3D")),
        "another site": one.post(path, body, ("Sec-Fetch-Site", "cross-site")),
        "another origin": one.post(path, body, ("Sec-Fetch-Site", ""), ("Origin", "http://evil.example")),
        "an origin that is none": one.post(path, body, ("Sec-Fetch-Site", ""), ("Origin", "http://[")),
        "no origin": one.post(path, body, ("Sec-Fetch-Site", "")),
    }
    assert wrong(list(refused.items()), is_page) == []
    assert {answer.status for answer in refused.values()} == {403}
    cookie = one.wire.ask("GET", path, [("Cookie", f"AppServiceAuthSession={one.session}")]).headers[
        "Set-Cookie"
    ]
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_cookies_of_nonsense_change_how_a_page_looks_at_most(people: dict[str, Someone]) -> None:
    person = people["viewer"]
    values = (
        "language=xx; language=es",
        "language=" + "a" * 6_000,
        'theme="><script>alert(1)</script>',
        "time-zone=../../etc/passwd",
        "time-zone=%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "time-zone=%00; time-zone=Europe; time-zone=" + "a/" * 2_000,
        "time-zone=\xc3\xb1%FF",
        "notice=%%%; notice=" + "A" * 5_000,
        "notice=" + base64.urlsafe_b64encode(b"<script>alert(1)</script>").decode(),
        "; ".join(f"c{number}=1" for number in range(800)),
        '$Version=1; $Path=/; a[]=1; =; ==; "',
    )
    shown = [
        (value, person.get("/portal/", ("Cookie", f"{person.cookies[1]!s}; {value}"))) for value in values
    ]
    assert [(value[:50], answer.status) for value, answer in shown if answer.status != 200] == []
    assert not [value for value, answer in shown if "<script>alert" in answer.text]
    languages = ("*", "\xc3\xb1", "a" * 5_000, ",,;;q=", "es;q=nan", "en;q=1e400", "-".join(["ab"] * 2_000))
    assert {person.get("/portal/", ("Accept-Language", each)).status for each in languages} == {200}


def test_forms_of_nonsense_are_refused_in_words(people: dict[str, Someone]) -> None:
    person = people["contributor"]
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    bodies: list[tuple[str, bytes]] = [
        ("application/x-www-form-urlencoded", b"".join(b"f%d=1&" % number for number in range(10_000))),
        ("application/x-www-form-urlencoded", b"&" * 3_000_000),
        ("text/plain", b"theme=dark"),
        ("application/json", b'{"theme":"dark"}'),
        ("multipart/form-data", part + b"--x--"),
        ("multipart/form-data; boundary=", part + b"--x--"),
        ("multipart/form-data; boundary=" + "x" * 3_000, part + b"--x--"),
        ('multipart/form-data; boundary="\\', part + b"--x--"),
        ("multipart/form-data; boundary=\xc3\xb1", part + b"--x--"),
        ("multipart/form-data; boundary=x", part),
        ("multipart/form-data; boundary=x", part * 10_000 + b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 100_000),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A" * 200_000 + b"\r\n\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", part.replace(b"b\r\n", b"b" * (2 << 20) + b"\r\n") + b"--x--"),
    ]
    answers = [
        (
            (kind, body[:30]),
            person.post("/portal/preferences", body, ("Content-Type", kind), ("X-CSRF-Token", "")),
        )
        for kind, body in bodies
    ]
    assert wrong(answers, is_page) == []
    nested = (
        part.replace(b"\r\n\r\nb", b"\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nb--y--")
        + b"--x--"
    )
    assert is_page(
        person.post(
            "/portal/preferences",
            nested,
            ("Content-Type", "multipart/form-data; boundary=x"),
            ("X-CSRF-Token", ""),
        )
    )
    spanish = person.post(
        "/portal/preferences",
        b"x",
        ("Content-Type", "text/plain"),
        ("X-CSRF-Token", ""),
        ("Accept-Language", "es"),
    )
    assert (spanish.status, 'lang="es"' in spanish.text, "This is not a form" in spanish.text) == (
        400,
        True,
        False,
    )


def test_every_page_and_form_bears_nonsense(people: dict[str, Someone]) -> None:
    person, names = (
        people["administrator"],
        ("size", "after", "sort", "status", "segment", "connection", "day", "name", "file", "back", "field"),
    )
    nonsense = b"&".join(
        f"{name}=%00%FF{'9' * 300}".encode()
        for name in (
            *names,
            "display_name",
            "api_key",
            "email",
            "url",
            "max_calls_per_s",
            "blocks",
            "recurrence",
        )
    )
    answers = []
    for route in pages.routes:
        path = "/portal/" + "/".join("%00" if step.startswith("{") else step for step in route.steps)
        if route.method == "GET":
            answers.append((path, person.get(f"{path}?{nonsense.decode()}")))
        else:
            fields = b"&".join(
                b"fields-%d-field=x&fields-%d-column=%%00" % (number, number) for number in range(1_000)
            )
            answers += [(path, person.post(path, body)) for body in (nonsense, fields)]
    assert len(answers) > 80
    shown = {200, 303, *REFUSALS}
    assert [(path, answer.status) for path, answer in answers if answer.status not in shown] == []
    assert not [
        path for path, answer in answers if "Traceback" in answer.text or "unexpected error" in answer.text
    ]


# Uploads


def test_uploads_take_only_what_was_begun(people: dict[str, Someone], stack: LocalStack) -> None:
    person, base = people["contributor"], "/portal/segments/new"
    begun = person.post(f"{base}/begin", b"segment=hostile&file_name=a.csv&size_bytes=8388608").document
    name = begun["name"]

    def block(number: str, data: bytes, *, to: str = name, who: str = "contributor") -> Answer:
        headers: list[Header] = [
            ("X-Upload-Name", to.encode()),
            ("X-Upload-Block", number),
            ("Content-Type", "application/octet-stream"),
        ]
        return people[who].post(f"{base}/block", data, *headers)

    def finish(blocks: str, *, of: str = name, who: str = "contributor") -> Answer:
        return people[who].post(f"{base}/finish", f"name={of}&blocks={blocks}".encode())

    refused = [(number, block(number, b"x")) for number in ("-1", "99999", "9" * 5_000, "\xc2\xb2", "x", "")]
    refused += [("empty", block("0", b"")), ("too large", block("0", b"x" * ((4 << 20) + 1)))]
    names = (
        "hostile/a.csv",
        "../segpilot/x",
        f"{name}/../x",
        f"{name}%2f..%2fx",
        "%00",
        "%ED%A0%80",
        "x" * 5_000,
        "",
        "hostile/20200101T000000Z-aaaaaaaaaaaa-a.csv",
        name.replace("a.csv", "manifest.json"),
    )
    refused += [(other, block("0", b"x", to=other)) for other in names]
    refused += [(blocks, finish(blocks)) for blocks in ("0", "-1", "50001", "9" * 5_000, "1e3", "2", "")]
    for size in ("-1", "0", "1e3", "9" * 30, "9" * 5_000, ""):
        refused.append(
            (
                size,
                person.post(f"{base}/begin", f"segment=hostile&file_name=a.csv&size_bytes={size}".encode()),
            )
        )
    for segment in (
        "../x",
        "%00",
        "a%2Fb",
        "%ED%A0%80%00",
        "x" * 600,
        "%E2%80%AEa",
        ".",
        "..",
        "a%0d%0ab",
        "a%5Cb",
    ):
        refused.append(
            (
                segment,
                person.post(f"{base}/begin", f"segment={segment}&file_name=a.csv&size_bytes=4".encode()),
            )
        )
    told = [(what, answer.status, answer.body) for what, answer in refused if answer.status not in (400, 409)]
    assert told == []
    assert all(answer.document["message"] and answer.document["code"] for _, answer in refused)
    assert [block("0", b"x", who="viewer").status, finish("1", who="viewer").status] == [403, 403]

    assert (block("1", b"Ana\n").status, finish("2").document["missing"]) == (200, [0])
    assert (block("0", b"short").status, finish("2").document["missing"]) == (200, [0])
    whole = b"Email\n" + b"\n" * ((4 << 20) - 6)
    assert (block("0", whole).status, finish("2").status) == (200, 200)
    assert (block("0", b"other").status, finish("1").status) == (
        200,
        200,
    )  # it is finished: nothing is replaced
    stored = Segpilot(stack).blobs.get_blob_client("segments", name).download_blob().readall()
    assert stored == whole + b"Ana\n"
