"""What people and clients do wrong with keys and addresses: in the wrong field, the wrong place, at the wrong time."""

import gzip
from urllib.parse import quote, quote_plus, urlencode

from tests.system.driver import Segpilot
from tests.system.wire import Answer, Header, Someone, Wire


class Clumsy:
    """An administrator in the portal, who also calls the API; the driver hears all that is answered."""

    def __init__(self, app: Segpilot) -> None:
        self._app, self._wire = app, Wire(app.stack.host_url, app.stack.function_key)
        self._person = Someone(self._wire, "administrator")

    def post(self, path: str, *headers: Header, **form: str) -> Answer:
        body = urlencode({name.replace("_", "-"): value for name, value in form.items()}).encode()
        return self._heard(self._person.post(f"/portal/{path}", body, *headers))

    def get(self, path: str, *headers: Header) -> Answer:
        return self._heard(self._person.get(f"/portal/{path}", *headers))

    def ask(self, method: str, path: str, *headers: Header, body: bytes = b"", key: bool = True) -> Answer:
        return self._heard(self._wire.ask(method, path, headers, body, key=key))

    def say(self, data: bytes) -> None:
        self._wire.say(data)  # the answer repeats what was sent, to who sent it

    def _heard(self, answer: Answer) -> Answer:
        body = gzip.decompress(answer.body) if answer.headers["Content-Encoding"] == "gzip" else answer.body
        self._app.heard += [str(answer.headers).encode(), body]
        return answer


def type_a_key(clumsy: Clumsy, connection: str, key: str) -> None:
    """Send a key in the field that is for it, in forms that fail for other reasons."""
    for name, agreed in (("", {"agree": "on"}), ("A name", {}), ("x" * 300, {"agree": "on"})):
        page = clumsy.post(
            "connections/new", display_name=name, api_key=key, destination="autopilot", **agreed
        )
        assert page.status == 422
    assert clumsy.post("connections/new", do="connect", api_key=key, destination="nowhere").status < 500
    assert clumsy.post("connections/new", do="connect", api_key=key, destination="autopilot").status == 200
    for bad in (f"{key}\u200b", f"{key}\x00", f"{key}\n{key}", key * 50):
        assert clumsy.post(f"connections/{connection}/key", api_key=bad, key_source="typed").status in (
            422,
            502,
            409,
        )
    assert clumsy.post(f"connections/{connection}/key", api_key=key, key_source="typed").status < 500
    assert clumsy.post("connections/conn-unknown/key", api_key=key).status == 404
    token: Header = ("X-CSRF-Token", "")
    assert clumsy.post(f"connections/{connection}/key", token, api_key=key).status == 403
    assert clumsy.post("nowhere", api_key=key).status == 404


def misplace_a_key(clumsy: Clumsy, connection: str, key: str) -> None:
    """Put a key where none belongs: other fields, addresses, headers, cookies, and what is no HTTP at all."""
    packed, once = quote(key, safe=""), key.encode()
    refused = (
        ("connections/new", {"key_source": "vault", "secret_name": key, "display_name": "A", "agree": "on"}),
        (f"connections/{connection}/key", {"key_source": "vault", "secret_name": key}),
        (f"connections/{connection}/alerts", {"url": key, "shape": "generic"}),
        (
            f"connections/{connection}/alerts",
            {"url": f"https://user:{packed}@hooks.example/", "shape": "generic"},
        ),
        (f"connections/{connection}/alerts", {"url": "https://hooks.example/", "shape": key}),
        (f"connections/{connection}/suppression", {"add": key}),
        ("erasures/new", {"email": key, "sure": "on"}),
        ("preferences", {"time_zone": key}),
    )
    for path, form in refused:
        assert clumsy.post(path, **form).status in (400, 422), path
    clumsy.post("preferences", theme=key, language=key, back=key)
    for path in ("exports", "runs", "segments", "audit", "preferences"):
        clumsy.get(
            f"{path}?q={quote_plus(key)}&segment={packed}&day={packed}&back={packed}",
            ("HX-Current-URL", packed),
        )
        clumsy.get(f"{path}/{packed}")
    for method, path in (("GET", "exports"), ("GET", "runs"), ("GET", "connections")):
        clumsy.ask(method, f"/api/{path}/{packed}")
        clumsy.ask(method, f"/api/{path}?key={packed}&code={packed}", key=False)
        clumsy.ask(
            method, f"/api/{path}", ("x-functions-key", once), ("Authorization", b"Bearer " + once), key=False
        )
        clumsy.ask(method, f"/api/{path}", ("Cookie", b"notice=" + once), ("autopilotapikey", once))
    clumsy.ask("GET", f"/runtime/webhooks/durabletask/instances/{packed}?code={packed}", key=False)
    clumsy.ask("POST", f"/admin/functions/tick?code={packed}", body=once, key=False)
    clumsy.ask("POST", "/api/connections", ("Content-Type", "application/json"), body=b'{"api_key":"' + once)
    clumsy.say(b"GET / HTTP/1.1\r\nHost: x\r\nautopilotapikey : " + once + b"\r\n\r\n")
    clumsy.say(b"GET / HTTP/1.1\r\nHost: x\r\nautopilotapikey: " + once * 200 + b"\r\n\r\n")
    clumsy.say(once + b"\r\n\r\n")


def lose_the_vault(app: Segpilot, clumsy: Clumsy, connection: str, key: str) -> None:
    """Give a connection a key while the vault is away in different ways."""
    for answer in (503, 403, "reset"):
        app.trouble_vault(unavailable_s=30, answer=answer)
        assert app.call("PUT", f"api/connections/{connection}/key", {"api_key": key}).status_code >= 400
        clumsy.post(f"connections/{connection}/key", api_key=key, key_source="typed")
        app.trouble_vault(unavailable_s=0)


def mention_people(app: Segpilot, clumsy: Clumsy, connection: str, mailbox: str) -> None:
    """Use customers' addresses where they are asked for, and where they are not."""
    before = len(app.heard)
    for number, path in enumerate(("segments", "exports", "runs")):
        app.call("GET", f"api/{path}/{mailbox}.{number}@example.com")
        clumsy.get(f"{path}/{mailbox}.{number}@example.com")
    clumsy.post(
        f"connections/{connection}/suppression", do="add", add=f"{mailbox}.5@example.com, {mailbox}@@x"
    )
    clumsy.post(f"connections/{connection}/suppression", do="add", add=f"{mailbox}.5@example.com")
    clumsy.post(f"connections/{connection}/suppression", do="check", email=f"{mailbox}.5@example.com")
    clumsy.post("erasures/new", email=f"{mailbox}.6@@example.com", sure="on")
    del app.heard[before:]  # who sends an address may read it in the answer
    asked = app.post("erasures", {"email": f"{mailbox}.6@example.com", "suppress": True})
    app.wait_until(lambda: app.get(f"erasures/{asked['id']}")["ended_at"], "the end of the erasure")
    rows = [f"{mailbox}.{number}@example.com,Ana{number},Cluj,{number}" for number in range(100, 120)]
    broken = [
        f"{mailbox}.120@example@com,A,B,1",
        f"A,{mailbox}.121@example.com,B,1",
        f'"{mailbox}.122@example.com,A',
    ]
    files = {
        "headerless": "\n".join(rows),
        "broken": "\n".join(["Email,FirstName,City,Income", *rows, *broken]),
        "empty-names": "\n".join([f"Email,{rows[0]}", *rows]),
    }
    for name, text in files.items():
        export = app.add_export(f"{mailbox[:3]}-{name}", connection=connection)
        app.upload(f"{mailbox[:3]}-{name}/people.csv", f"{text}\n".encode())
        app.wait_for_run(export)
        clumsy.get(f"exports/{export}")
        clumsy.get(f"segments/{mailbox[:3]}-{name}")
        clumsy.get(f"runs?export={export}")
