"""docs/alerts.md: its examples are what is sent, and its check of signatures works."""

import json
import re
from pathlib import Path

import pytest

from shared.domain.alert_shapes import render, sign
from shared.domain.connection import AlertShape
from shared.domain.run import RunStatus
from shared.domain.standing import AlertEvent
from tests.unit.alert_office import AlertOffice

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]
[CHECK] = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("shape", "example"), list(zip(AlertShape, EXAMPLES, strict=True)))
def test_the_examples_are_what_is_sent(shape, example):
    office = AlertOffice()
    office.note(RunStatus.SUCCESSFUL_WITH_REJECTS)
    assert json.loads(render(office.alerts[0], shape)) == example


def test_every_event_is_listed():
    table = PAGE.partition("| `event` |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)) == set(AlertEvent)


def test_the_check_of_signatures_takes_what_is_genuine_and_nothing_else():
    names: dict = {}
    exec(CHECK, names)
    is_genuine, now = names["is_genuine"], int(names["time"].time())
    signature = sign(b"{}", "key", now)
    assert is_genuine(signature, b"{}", "key")
    assert not is_genuine(signature, b"{ }", "key")
    assert not is_genuine(signature, b"{}", "other")
    assert not is_genuine(sign(b"{}", "key", now - 900), b"{}", "key")
    assert not is_genuine(signature.replace(f"t={now}", f"t={now + 1}"), b"{}", "key")
    for nonsense in ("", "t=,v1=", "v1=x", "t=x,v1=y"):
        assert not is_genuine(nonsense, b"{}", "key")
