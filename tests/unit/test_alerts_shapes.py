"""What alerts look like: JSON of our own with a signature, an adaptive card for Teams, blocks for Slack."""

import hashlib
import hmac
import json

import orjson
import pytest

from shared.domain.alert_shapes import render, sign
from shared.domain.connection import AlertShape
from shared.domain.run import Failure, RunStatus
from shared.domain.standing import Alert
from tests.unit.alert_office import AlertOffice, approval

EVIL = "<!channel> & *bold* [link](https://evil.example) _x_"


def alert(status: RunStatus = RunStatus.FAILED, **changes: object) -> Alert:
    office = AlertOffice()
    office.note(status, **changes)
    return office.alerts[0]


def shown(made: Alert, shape: AlertShape) -> dict:
    return orjson.loads(render(made, shape))


@pytest.mark.parametrize(
    ("status", "title", "message"),
    [
        (RunStatus.FAILED, "The export 'Weekly' failed", "Autopilot did not answer."),
        (
            RunStatus.SUCCESSFUL_WITH_REJECTS,
            "The export 'Weekly' left some people out",
            "7 people were sent and 5 were up to date; 2 rows were rejected (email_invalid: 2).",
        ),
        (
            RunStatus.WAITING_FOR_APPROVAL,
            "The export 'Weekly' waits for your approval",
            "40 of 100 people would leave the list. It waits until 2026-03-01 08:00 UTC.",
        ),
    ],
)
def test_the_words_say_what_happened_and_what_to_do(status, title, message):
    made = alert(status)
    assert (made.title, made.message) == (title, message)
    assert made.remedy


def test_the_generic_shape_holds_everything_a_program_needs():
    document = shown(alert(), AlertShape.GENERIC)
    assert set(document) == {
        "id", "at", "event", "condition", "connection", "export", "run", "title", "message", "remedy"
    }  # fmt: skip
    assert document["connection"] == {"id": "connection-1", "name": "Our Autopilot"}
    assert document["export"] == {"id": "export-1", "name": "Weekly"}
    run = document["run"]
    assert (run["id"], run["status"], run["trigger"], run["counts"]["sent"]) == (
        "run-1", "Failed", "schedule", 7
    )  # fmt: skip


def test_an_alert_of_a_connection_has_no_run():
    office = AlertOffice()
    office.desk.note_connection("connection-1", "The key was refused.")
    document = office.receivers.heard[0].document
    assert (document["export"], document["run"]) == (None, None)


def test_the_signature_covers_time_and_body():
    office = AlertOffice(shape=None)
    key = office.set_target().signing_key
    office.note(RunStatus.FAILED)
    [heard] = office.receivers.heard
    fields = dict(part.split("=") for part in heard.headers["X-Segpilot-Signature"].split(","))
    assert fields["t"] == str(int(office.clock().timestamp()))
    signed = fields["t"].encode() + b"." + heard.body
    assert fields["v1"] == hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    assert sign(b"a", "k", 1) != sign(b"a", "k", 2)


@pytest.mark.parametrize("shape", [AlertShape.TEAMS, AlertShape.SLACK])
def test_other_shapes_are_not_signed_but_name_the_delivery(shape):
    office = AlertOffice(shape)
    office.note(RunStatus.FAILED)
    [heard] = office.receivers.heard
    assert "X-Segpilot-Signature" not in heard.headers
    assert heard.headers["X-Segpilot-Delivery"] == office.alerts[0].id
    assert heard.headers["Content-Type"] == "application/json"


def test_teams_gets_a_message_with_an_adaptive_card():
    message = shown(alert(), AlertShape.TEAMS)
    [attachment] = message["attachments"]
    assert (message["type"], attachment["contentType"]) == (
        "message",
        "application/vnd.microsoft.card.adaptive",
    )
    card = attachment["content"]
    assert (card["type"], card["body"][0]["text"]) == ("AdaptiveCard", "The export 'Weekly' failed")
    assert {"title": "Export", "value": "Weekly"} in card["body"][-1]["facts"]


def test_slack_gets_a_text_and_blocks():
    message = shown(alert(), AlertShape.SLACK)
    assert message["text"].endswith("The export 'Weekly' failed")
    assert [block["type"] for block in message["blocks"]] == ["header", "section", "section", "context"]


def test_names_cannot_call_people_or_make_links():
    made = alert(export_name=EVIL, failure=Failure(code="x", message=EVIL))
    slack = shown(made, AlertShape.SLACK)
    in_slack = json.dumps([slack["text"], slack["blocks"][1:]])
    assert "<!channel>" not in in_slack
    assert "&lt;!channel&gt; &amp;" in in_slack
    in_teams = json.dumps(shown(made, AlertShape.TEAMS))
    assert "[link](" not in in_teams.replace("\\\\[", "").replace("\\\\]", "")


@pytest.mark.parametrize("shape", AlertShape)
def test_long_words_stay_within_what_receivers_take(shape):
    long = "x" * 10_000
    made = alert(export_name=long, failure=Failure(code="x", message=long, remedy=long))
    document = shown(made, shape)
    if shape is AlertShape.SLACK:
        header, *sections = document["blocks"]
        assert len(header["text"]["text"]) <= 150
        assert all(len(block["text"]["text"]) <= 3_000 for block in sections if "text" in block)
    if shape is AlertShape.TEAMS:
        assert len(render(made, shape)) < 28_000


def test_approvals_are_told_even_when_nothing_is_known_of_them():
    assert alert(RunStatus.WAITING_FOR_APPROVAL, approval=None).message
    assert approval(3).reasons[0] in alert(RunStatus.WAITING_FOR_APPROVAL, approval=approval(3)).message
