"""The home page: what each role sees of it, what it leads to, and when it keeps itself fresh."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.access import Role
from shared.domain.connection import Connection, ConnectionStatus, Consent, Finding, Sharing
from shared.domain.errors import StorageUnavailable
from shared.domain.export import Export, SegmentChoice
from shared.domain.identifiers import run_id
from shared.domain.run import Approval, Counts, Run, RunStatus, Stage, Trigger
from shared.domain.schedule import Schedule
from shared.domain.segment import TrendPoint
from shared.domain.standing import ListSize, Standing
from shared.domain.tally import Tally
from shared.pipeline.standings import remember_run
from tests.fakes_stores import START
from tests.unit.portal_client import Browser, Page, make_app

HOSTILE = ["<img src=x onerror=alert(1)>", "مجموعة العملاء", "x" * 10_000, "a/b?c#d", "{{ 7 * 7 }}"]
CHANGERS = [Role.CONTRIBUTOR, Role.ADMINISTRATOR]


@pytest.fixture
def app() -> Any:
    return make_app()


def add_connection(app: Any, name: str = "The account", **more: Any) -> Connection:
    number = len(app.stores.connections.rows)
    connection = Connection(
        id=f"connection-{number}",
        display_name=name,
        destination="autopilot",
        secret_name="key",
        secret_owned=True,
        shared_with=Sharing.CONTRIBUTORS,
        consent=Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree"),
        created_at=START,
        updated_at=START,
        **more,
    )
    app.stores.connections.add(connection.id, connection)
    return connection


def add_export(app: Any, name: str = "Weekly", segment: str = "vip", **more: Any) -> Export:
    export = Export(
        id=f"export-{len(app.stores.exports.rows)}",
        name=name,
        connection_id="connection-0",
        email_column="EMail",
        segments=(SegmentChoice(name=segment),),
        created_at=START,
        updated_at=START,
        **more,
    )
    app.stores.exports.add(export.id, export)
    return export


def add_run(app: Any, export: Export, status: RunStatus, **more: Any) -> Run:
    app.clock.advance(60)
    at = app.clock()
    run = Run(
        id=run_id(export.id, "x", at),
        export_id=export.id,
        export_name=export.name,
        connection_id="connection-0",
        trigger=Trigger.UPLOAD,
        requested_by="upload",
        segments=(),
        status=status,
        created_at=at,
        ended_at=at if status.ended else None,
        **more,
    )
    app.stores.runs.add(run.id, run)
    remember_run(app.stores, run)
    return run


def put(app: Any, export: Export, people: int, title: str = "VIPs") -> None:
    size = ListSize(segment=export.segments[0].name, list_title=title, people=people, at=START)
    app.stores.standings.upsert(
        export.id,
        lambda present: (present or Standing(subject=export.id)).model_copy(update={"lists": (size,)}),
    )


def add_tally(app: Any, ago: int = 0, **figures: int) -> None:
    day = (START - timedelta(days=ago)).date()
    app.stores.tallies.add(day.isoformat(), Tally(day=day, **figures))


def home(app: Any, role: Role = Role.ADMINISTRATOR, language: str = "en") -> Page:
    page = Browser(app, role, language).get("")
    assert page.status == 200
    return page


def headings(page: Page) -> list[str]:
    return [heading.get_text() for heading in page.soup.find_all("h2")]


def part(page: Page, heading_id: str) -> Any:
    heading = page.soup.select_one(f"h2#{heading_id}")
    found = heading and heading.find_parent("section")
    assert found, f"There is no part {heading_id} in: {page.text[:500]}"
    return found


@pytest.mark.parametrize("role", list(Role))
def test_an_empty_portal_says_how_to_begin_as_far_as_the_reader_may(app, role):
    page = home(app, role)
    assert headings(page) == ["How to begin"]
    links = {link["href"] for link in part(page, "begin").find_all("a")}
    assert ("/portal/connections/new" in links) == (role is Role.ADMINISTRATOR)
    assert ("/portal/segments/new" in links) == ("/portal/exports/new" in links) == (role in CHANGERS)


def test_what_is_done_of_the_beginning_is_marked(app):
    assert "Done" not in home(app).text
    add_connection(app)
    assert part(home(app), "begin").get_text().count("Done") == 1


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_runs_figures_and_lists_but_connections_are_for_administrators(app, role):
    add_connection(app, "Secret account", finding=Finding(checked_at=START, ok=True, message="It answered."))
    export = add_export(app, schedule=Schedule(recurrence="hourly", minute=30))
    add_run(app, export, RunStatus.SUCCESSFUL)
    put(app, export, 1_234)
    add_tally(app, sent=5_000)
    page = home(app, role)
    assert part(page, "last-runs").select_one("a[href^='/portal/runs/run-']").get_text() == "Weekly"
    assert part(page, "next-runs").select_one("a")["href"] == "/portal/exports/export-0"
    assert "1,234" in part(page, "lists").get_text()
    assert "5,000" in part(page, "month").get_text()
    assert ("Secret account" in page.text) == (role is Role.ADMINISTRATOR)
    assert ("Upload a segment" in page.text) == (role in CHANGERS)
    assert "How to begin" not in page.text


def test_what_needs_somebody_leads_to_the_run_and_its_export(app):
    add_connection(
        app,
        status=ConnectionStatus.NEEDS_ATTENTION,
        finding=Finding(checked_at=START, ok=False, message="Autopilot refused the key."),
    )
    failed = add_run(app, add_export(app, "Broken"), RunStatus.FAILED)
    partial = add_run(app, add_export(app, "Partly"), RunStatus.SUCCESSFUL_WITH_REJECTS)
    add_run(app, add_export(app, "Fine"), RunStatus.SUCCESSFUL)
    needs = part(home(app), "attention")
    links = [link["href"] for link in needs.find_all("a")]
    assert links == [
        "/portal/connections/connection-0",
        "/portal/exports/export-1",
        f"/portal/runs/{partial.id}",
        "/portal/exports/export-0",
        f"/portal/runs/{failed.id}",
    ]
    assert "Autopilot refused the key." in needs.get_text()
    assert "/portal/connections" not in str(part(home(app, Role.VIEWER), "attention"))


@pytest.mark.parametrize("role", list(Role))
def test_a_run_that_waits_for_approval_is_named_once_with_what_the_reader_may_do(app, role):
    approval = Approval(
        reasons=("too many",), removals=9, rejects=0, asked_at=START, expires_at=START + timedelta(days=7)
    )
    run = add_run(app, add_export(app), RunStatus.WAITING_FOR_APPROVAL, approval=approval)
    page = home(app, role)
    [link] = [link for link in page.soup.find_all("a") if link["href"] == f"/portal/runs/{run.id}"]
    assert link.contents[0].strip() == ("Look and decide" if role in CHANGERS else "Open the run")
    assert "Under way" not in headings(page)


def test_a_run_that_goes_on_shows_how_far_it_is_and_the_part_keeps_itself_fresh(app):
    run = add_run(
        app,
        add_export(app),
        RunStatus.PROCESSING,
        stage=Stage.PUSHING,
        counts=Counts(new=1_000),
    )
    app.stores.runs.report(run.id, "push vip 0", Counts(sent=250))
    page = home(app)
    bar = part(page, "under-way").progress
    assert (bar["max"], bar["value"], bar["aria-label"]) == ("1000", "250", "sending")
    assert "250 of 1,000 people" in page.text
    now = page.soup.select_one("#now")
    assert (now["hx-get"], now["hx-trigger"], now["hx-select-oob"]) == ("/portal/", "every 5s", "#now")


@pytest.mark.parametrize("status", [RunStatus.WAITING_FOR_APPROVAL, RunStatus.SUCCESSFUL])
def test_nothing_is_asked_for_again_when_nothing_goes_on(app, status):
    add_run(app, add_export(app), status)
    assert not home(app).soup.select_one("#now").has_attr("hx-trigger")


def test_of_many_runs_that_go_on_the_others_are_counted_and_led_to(app):
    export = add_export(app)
    for _ in range(15):
        add_run(app, export, RunStatus.QUEUED)
    under_way = part(home(app), "under-way")
    assert len(under_way.find_all("li")) == 12
    assert under_way.find_all("a")[-1].get_text() == "and 3 more"
    assert under_way.find_all("a")[-1]["href"] == "/portal/runs"


def test_the_chart_says_in_words_and_in_a_table_what_it_draws(app):
    add_export(app)
    add_tally(app, ago=2, sent=1_200, rejected=3, left=4, runs=5, failed=1)
    page = home(app)
    drawing = part(page, "month").select_one("svg[role=img]")
    named = [page.soup.find(id=each).get_text() for each in drawing["aria-labelledby"].split()]
    assert named == [
        "What happened to people, day by day",
        "1,200 sent, 4 taken off lists, 3 rejected",
    ]
    assert [rect["class"] for rect in drawing.select("rect:not(.ground)")] == [
        ["sent"],
        ["left"],
        ["rejected"],
    ]
    rows = part(page, "month").select("details tbody tr")
    assert len(rows) == 30
    assert [cell.get_text() for cell in rows[2].find_all("td")] == ["1,200", "4", "3", "5", "1"]
    assert part(page, "month").select_one("dl a")["href"] == "/portal/runs?status=Failed"


def test_a_list_leads_to_its_export_and_its_segments_trend(app):
    app.segment_blobs.put("v/i p/a.csv", "EMail\na@example.com\n", START)
    export = add_export(app, segment="50% off/x")
    put(app, export, 99)
    links = [link["href"] for link in part(home(app), "lists").find_all("a")]
    assert links == ["/portal/exports/export-0", "/portal/segments/50%25%20off%2Fx"]


def test_a_trend_is_told_in_words(app):
    content = "EMail\na@example.com\n"
    app.segment_blobs.put("vip/a.csv", content, START)
    app.registrations.count_rows(app.arrivals.inspect("vip/a.csv").snapshots)
    trend = (TrendPoint(at=START, profiles=900), TrendPoint(at=START + timedelta(days=9), profiles=1_000))
    app.stores.segments.change("vip", lambda present: present.model_copy(update={"trend": trend}))
    put(app, add_export(app), 99)
    title = part(home(app), "lists").select_one("svg[role=img] title").get_text()
    assert title == "From 900 people on Mar 1 to 1,000 on Mar 10"


@pytest.mark.parametrize("name", HOSTILE, ids=["markup", "right to left", "long", "address", "template"])
def test_names_are_shown_as_they_are_and_nothing_else(app, name):
    add_connection(app, name, status=ConnectionStatus.NEEDS_ATTENTION)
    export = add_export(app, name, name[:400], schedule=Schedule(recurrence="hourly", minute=30))
    put(app, export, 5, name)
    for status in (RunStatus.PROCESSING, RunStatus.FAILED):
        add_run(app, export, status)
    page = home(app)
    shown = name if len(name) <= 120 else name[:100]
    for heading in ("attention", "last-runs", "next-runs", "lists", "connections", "under-way"):
        assert any(shown in each.get_text() for each in part(page, heading).find_all("bdi")), heading
    assert page.soup.select("main img, main script, main [style], main [onerror]") == []
    assert len(page.body) < 100_000


@pytest.mark.parametrize("language", ["es", "ro"])
def test_the_page_is_there_in_other_languages(app, language):
    add_connection(app, finding=Finding(checked_at=START, ok=True, message="x"))
    export = add_export(app, schedule=Schedule(recurrence="hourly", minute=30))
    add_run(app, export, RunStatus.FAILED)
    add_run(app, add_export(app), RunStatus.PROCESSING)
    put(app, export, 1_234)
    page, english = home(app, language=language), home(app)
    assert set(headings(page)).isdisjoint(headings(english))
    assert "1.234" in page.text
    for words in ("Open the run", "All runs", "As a table", "Last check", "People sent"):
        assert words in english.text
        assert words not in page.text


def test_storage_that_is_down_is_named_as_such(app):
    class Down:
        def glance(self) -> None:
            raise StorageUnavailable("Table storage did not answer.")

    app.stores.exports = Down()
    page = Browser(app).get("")
    assert page.status == 503
    assert "Table storage did not answer." in page.text
