"""Every alert leads to a page that says what to do, and looks for what there is."""

import re

import pytest

from tests.infra.bicep_file import entries, literal, read
from tests.infra.environment import REPOSITORY

ACTIVITIES = (REPOSITORY / "functions" / "orchestration" / "activities.py").read_text()
PAGE = re.compile(r"(docs/[a-z-]+\.md), ([A-Z][^.:]*)[.:]")
ISO_MINUTES = {"PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "P1D": 1440}


@pytest.fixture(scope="module")
def alerts(trees):
    listed = read(trees["infra/modules/alerts.bicep"]).all("var")["alerts"].value
    return [dict(entries(each)) for each in listed.parts]


@pytest.mark.parametrize("name", ["alerts", "alerts-events"])
def test_every_alert_names_a_heading_that_there_is(trees, name):
    source = trees[f"infra/modules/{name}.bicep"].text
    pages = PAGE.findall(source)
    assert len(pages) == source.count("docs/") > 0
    for path, heading in pages:
        assert re.search(rf"^##+ {re.escape(heading)}$", (REPOSITORY / path).read_text(), re.M), heading


def test_no_time_is_left_out_between_two_looks(alerts):
    for alert in alerts:
        window, every = (ISO_MINUTES[literal(alert[key])] for key in ("window", "every"))
        assert window >= every
        # What is told each time would be told twice if two looks saw the same.
        assert window == every or alert["resolves"].text == "state"


def test_every_query_for_alerts_is_asked_once(alerts):
    asked = sorted(alert["query"].text.split("/")[-1].rstrip("')") for alert in alerts)
    assert asked == sorted(path.name for path in (REPOSITORY / "infra" / "queries").glob("alert-*.kql"))
    assert [literal(alert["name"]) for alert in alerts] == [
        alert["query"].text.split("alert-")[1].removesuffix(".kql')") for alert in alerts
    ]


def test_steps_in_which_a_run_waits_for_a_person_are_steps_that_there_are():
    query = (REPOSITORY / "infra" / "queries" / "alert-stuck-runs.kql").read_text()
    steps = [name for name in re.findall(r'"([a-z ]+)"', query) if " " in name]
    assert sorted(steps) == ["finish run", "guard run", "review run"]
    assert [step for step in steps if f'"{step}"' not in ACTIVITIES] == []
