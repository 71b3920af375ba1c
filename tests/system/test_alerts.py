"""Alerts as they leave the app: set up, tried, sent when a run fails, and again when all is well."""

import hashlib
import hmac
from collections.abc import Iterator

import pytest

from tests.system.driver import Segpilot, make_people
from tests.webhook_receiver import Received, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def wait_for(receiver: Receiver, number: int) -> Received:
    """The alert of this number, counted from 1."""
    return Segpilot.wait_until(
        lambda: receiver.received[number - 1] if len(receiver.received) >= number else None,
        f"alert {number}",
    )


def test_a_receiver_is_set_shown_tried_and_removed(app: Segpilot, receiver: Receiver) -> None:
    path = f"api/connections/{app.add_connection()}/alert"
    assert app.call("GET", path).status_code == 404

    added = app.call("PUT", path, {"url": f"{receiver.url}/the-token"})
    assert (added.status_code, added.json()["host"]) == (200, "127.0.0.1")
    key = added.json()["signing_key"]

    trial = app.call("POST", f"{path}/test").json()
    assert (trial["delivered"], trial["status"], trial["problem"]) == (True, 200, None)
    [received] = receiver.received
    fields = dict(part.split("=") for part in received.headers["X-Segpilot-Signature"].split(","))
    signed = fields["t"].encode() + b"." + received.body
    assert fields["v1"] == hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    assert (received.document["event"], received.path) == ("test", "/hook/the-token")

    shown = app.call("GET", path)
    assert (shown.json()["host"], "the-token" in shown.text, key in shown.text) == ("127.0.0.1", False, False)

    receiver.status, receiver.answer = 410, b"channel_is_archived"
    trial = app.call("POST", f"{path}/test").json()
    assert (trial["delivered"], trial["status"]) == (False, 410)
    assert trial["problem"] == "127.0.0.1 answered with status 410: channel_is_archived."

    assert app.call("DELETE", path).status_code == 204
    assert app.call("POST", f"{path}/test").status_code == 404
    log = (app.stack.state / "logs" / "app.log").read_text(encoding="utf-8")
    assert ("set_alert_target" in log, "the-token" in log, key in log) == (True, False, False)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://10.0.0.1/", "https://[::ffff:169.254.169.254]/", "https://a@127.0.0.1/"],
)
def test_alerts_cannot_be_sent_into_our_own_surroundings(app: Segpilot, url: str) -> None:
    answer = app.call("PUT", f"api/connections/{app.add_connection()}/alert", {"url": url})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/url")


def test_a_failure_is_told_once_and_so_is_the_recovery(app: Segpilot, receiver: Receiver, tag: str) -> None:
    connection = app.add_connection()
    app.post(f"connections/{connection}/connect")
    app.call("PUT", f"api/connections/{connection}/alert", {"url": receiver.url})
    export = app.add_export(tag, connection=connection)
    app.upload(f"{tag}/people.csv", b"no,address,here\r\n1,2,3\r\n")
    failed = app.wait_for_run(export)
    assert failed["status"] == "Failed"

    alert = wait_for(receiver, 1).document
    assert (alert["event"], alert["export"]["id"], alert["run"]["id"]) == ("run.failed", export, failed["id"])
    assert alert["remedy"]

    app.run_now(export)
    app.wait_for_run(export, 2)
    app.upload(f"{tag}/people.csv", make_people(range(5), tag).data)
    assert app.wait_for_run(export, 3)["status"] == "Successful"
    alert = wait_for(receiver, 2).document
    assert (alert["event"], alert["run"]["counts"]["sent"]) == ("run.recovered", 5)

    last = app.get(f"connections/{connection}/alert")["last_delivery"]
    assert (last["problem"], last["tries"]) == (None, 1)
    assert len(receiver.received) == 2
