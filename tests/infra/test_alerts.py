"""Every alert leads to a page that says what to do, and looks for what there is."""

import re

import pytest

from tests.infra.bicep_file import entries, literal, read
from tests.infra.environment import REPOSITORY

ACTIVITIES = (REPOSITORY / "functions" / "orchestration" / "activities.py").read_text()
PAGE = re.compile(r"(docs/[a-z-]+\.md), ([A-Z][^.:]*)[.:]")
QUERIES = REPOSITORY / "infra" / "queries"
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


def test_no_look_misses_or_repeats_what_arrived_late(alerts):
    """Telemetry of the last minutes of a window arrives after the look at it."""
    for alert in alerts:
        window, every = (ISO_MINUTES[literal(alert[key])] for key in ("window", "every"))
        query = (QUERIES / alert["query"].text.split("/")[-1].rstrip("')")).read_text()
        arrived = [int(minutes) for minutes in re.findall(r"ingestion_time\(\) > ago\((\d+)m\)", query)]
        assert window > every
        assert arrived == ([every] if alert["resolves"].text == "event" else [])


def test_every_query_for_alerts_is_asked_once(alerts):
    asked = sorted(alert["query"].text.split("/")[-1].rstrip("')") for alert in alerts)
    assert asked == sorted(path.name for path in QUERIES.glob("alert-*.kql"))
    assert [literal(alert["name"]) for alert in alerts] == [
        alert["query"].text.split("alert-")[1].removesuffix(".kql')") for alert in alerts
    ]


def test_steps_in_which_a_run_waits_for_a_person_are_steps_that_there_are():
    query = (QUERIES / "alert-stuck-runs.kql").read_text()
    steps = [name for name in re.findall(r'"([a-z ]+)"', query) if " " in name]
    assert sorted(steps) == ["finish run", "guard run", "review run"]
    assert [step for step in steps if f'"{step}"' not in ACTIVITIES] == []
