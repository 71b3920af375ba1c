"""What alerts look like to those who receive them: our own JSON, Teams, or Slack.

Teams: the webhook trigger of the Workflows app takes a message with adaptive cards as attachments (Microsoft Learn,
"Create and send messages" and "Create incoming webhooks with Workflows for Microsoft Teams"). Slack: ``text`` for
notifications and ``blocks`` for the message; a header holds 150 characters, a section 3,000; ``&``, ``<`` and ``>``
are control characters (Slack, "Sending messages using incoming webhooks", "Formatting text for app surfaces").
"""

import hashlib
import hmac
from collections.abc import Mapping

import orjson

from shared.domain.connection import AlertShape
from shared.domain.standing import Alert, Condition

DELIVERY_HEADER, SIGNATURE_HEADER = "X-Segpilot-Delivery", "X-Segpilot-Signature"

_LONGEST_TITLE, _LONGEST_TEXT = 150, 2_500
_COLOURS = {Condition.WELL: "Good", Condition.PARTIAL: "Warning", Condition.APPROVAL_NEEDED: "Warning"}
_MARKS = {
    Condition.WELL: ":white_check_mark:",
    Condition.PARTIAL: ":warning:",
    Condition.APPROVAL_NEEDED: ":raised_hand:",
}
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]"})
_SLACK_CONTROLS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render(alert: Alert, shape: AlertShape) -> bytes:
    """Return the body of the request: the same bytes for the same alert."""
    shapes = {AlertShape.GENERIC: _generic, AlertShape.TEAMS: _teams, AlertShape.SLACK: _slack}
    return orjson.dumps(shapes[shape](alert))


def sign(body: bytes, key: str, unix_time_s: int) -> str:
    """Return the signature header: ``t=<unix time>,v1=<hex HMAC-SHA256 of "t.body">``.

    The time is part of what is signed, so that a receiver can refuse an old message that is sent to it again.
    """
    signed = f"{unix_time_s}.".encode() + body
    return f"t={unix_time_s},v1={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


def _generic(alert: Alert) -> Mapping[str, object]:
    export = {"id": alert.export_id, "name": alert.export_name} if alert.export_id else None
    return {
        "id": alert.id,
        "at": alert.created_at.isoformat(),
        "event": alert.event,
        "condition": alert.condition,
        "connection": {"id": alert.connection_id, "name": alert.connection_name},
        "export": export,
        "run": alert.run.model_dump(mode="json") if alert.run else None,
        "title": alert.title,
        "message": alert.message,
        "remedy": alert.remedy,
    }


def _teams(alert: Alert) -> Mapping[str, object]:
    colour = _COLOURS.get(alert.condition, "Attention")
    body: list[dict[str, object]] = [
        {"type": "TextBlock", "size": "Large", "weight": "Bolder", "wrap": True, "color": colour}
        | {"text": _markdown(alert.title, _LONGEST_TITLE)},
        {"type": "TextBlock", "wrap": True, "text": _markdown(alert.message, _LONGEST_TEXT)},
    ]
    if alert.remedy:
        body.append({"type": "TextBlock", "wrap": True, "text": _markdown(alert.remedy, _LONGEST_TEXT)})
    facts = [{"title": name, "value": _markdown(value, 300)} for name, value in _facts(alert)]
    body.append({"type": "FactSet", "facts": facts})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None}
    return {"type": "message", "attachments": [{**attachment, "content": card}]}


def _slack(alert: Alert) -> Mapping[str, object]:
    title, mark = _cut(alert.title, _LONGEST_TITLE), _MARKS.get(alert.condition, ":rotating_light:")
    said = [_slack_text(text) for text in (alert.message, alert.remedy) if text]
    facts = " · ".join(f"{name}: {_slack_text(_cut(value, 300))}" for name, value in _facts(alert))
    return {
        "text": f"{mark} {_slack_text(title)}",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title}},
            *(
                {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
                for text in said
            ),
            {"type": "context", "elements": [{"type": "mrkdwn", "text": facts, "verbatim": True}]},
        ],
    }


def _facts(alert: Alert) -> list[tuple[str, str]]:
    facts = [("Connection", alert.connection_name)]
    if alert.export_name:
        facts.append(("Export", alert.export_name))
    if run := alert.run:
        facts += [
            ("Run", f"{run.id} ({run.trigger})"),
            ("Sent", f"{run.counts.sent:,}"),
            ("Rejected", f"{sum(run.rejected.values()):,}"),
        ]
    return facts


def _markdown(text: str, longest: int) -> str:
    """Names are shown as they are: adaptive cards would take parts of them for links and emphasis."""
    return _cut(text, longest).translate(_MARKDOWN)


def _slack_text(text: str) -> str:
    return _cut(text, _LONGEST_TEXT).translate(_SLACK_CONTROLS)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
