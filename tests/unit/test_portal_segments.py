"""The pages of segments: the list, one of them, what is declared about its files."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.access import Role
from shared.domain.connection import Connection, Consent, Sharing
from shared.domain.export import Export, SegmentChoice
from shared.domain.schedule import Recurrence, Schedule
from shared.domain.segment import SegmentSource, TrendPoint
from shared.usecases.exports.forms import NewSegmentChoice
from tests.fakes_stores import START
from tests.unit.portal_client import PEOPLE, Browser, Page, make_app

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "مجموعة العملاء",
    "=cmd|' C'!A0",
    "x" * 500,
    "50% off & more?#",
    "a.b",
]
CHANGERS = [Role.CONTRIBUTOR, Role.ADMINISTRATOR]


@pytest.fixture
def app() -> Any:
    return make_app(MAX_PROFILES_PER_RUN="1000")


def arrive(app: Any, name: str, content: str = "EMail,Name\nana@example.com,Ana\n") -> None:
    """Write a file and hear of it."""
    app.segment_blobs.put(name, content, app.clock())
    app.registrations.count_rows(app.arrivals.inspect(name).snapshots)


def add_connection(app: Any, shared_with: Sharing = Sharing.CONTRIBUTORS) -> Connection:
    connection = Connection(
        id="connection-1",
        display_name="The account",
        destination="autopilot",
        secret_name="key",
        secret_owned=True,
        consent=Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree"),
        shared_with=shared_with,
        created_by="Ada",
        created_at=START,
        updated_at=START,
    )
    app.stores.connections.add(connection.id, connection)
    return connection


def add_export(app: Any, export_id: str, *segments: str, **more: Any) -> Export:
    export = Export(
        id=export_id,
        **{
            "name": f"Export {export_id}",
            "connection_id": "connection-1",
            "email_column": "EMail",
            "segments": tuple(SegmentChoice(name=name) for name in segments),
            "created_at": START,
            "updated_at": START,
            **more,
        },
    )
    app.stores.exports.add(export.id, export)
    return export


def names(page: Page) -> list[str]:
    return [link.get_text() for link in page.soup.select("tbody th.name a")]


def test_the_list_shows_what_arrived_when_and_where_it_goes(app):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip")
    app.clock.advance(3 * 3600)
    page = Browser(app, Role.VIEWER).get("segments")
    assert page.status == 200
    assert page.links()["vip"] == "/portal/segments/vip"
    row = page.soup.select_one("tbody tr").get_text(" ")
    assert "1 row" in row
    assert "3 hours ago" in row
    assert "Plain rows" in row
    assert "Everybody" in row
    assert "Export e1" in row
    assert (
        page.soup.select_one("nav .sections a[aria-current], .sections a[aria-current]").get_text()
        == "Segments"
    )


def test_people_are_shown_once_they_were_counted_and_too_many_are_warned_of(app):
    arrive(app, "vip/a.csv")
    app.stores.segments.change("vip", lambda segment: segment.model_copy(update={"profiles": 12_345}))
    page = Browser(app).get("segments")
    assert page.soup.select_one("td.number").get_text(strip=True) == "12,345"
    assert "Too large" in page.text


def test_a_problem_of_the_latest_arrival_is_in_the_list_and_on_the_segment(app):
    arrive(app, "vip/a.csv")
    app.registrations.warn("vip", "the file 'vip/b.csv' is empty")
    assert "vip/b.csv" in Browser(app).get("segments").text
    assert "The latest arrival had a problem." in Browser(app).get("segments/vip").text


def test_an_empty_list_says_what_a_segment_is_and_how_one_comes(app):
    page = Browser(app, Role.CONTRIBUTOR).get("segments")
    assert "No segment has arrived yet." in page.text
    assert page.links()["Upload a segment"] == "/portal/segments/new"
    assert "Upload a segment" not in Browser(app, Role.VIEWER).get("segments").links()


def test_segments_are_searched_sorted_and_paged(app):
    for number in range(55):
        arrive(app, f"group {number:02d}/a.csv", "EMail\n" + "a@example.com\n" * (number + 1))
    browser = Browser(app, Role.VIEWER)
    first = browser.get("segments")
    assert (len(names(first)), names(first)[0]) == (50, "group 00")
    assert "55 in all" in first.text
    assert names(browser.get(first.links()["Next page"])) == [
        f"group {number:02d}" for number in range(50, 55)
    ]
    assert names(browser.get("segments?sort=-profiles"))[0] == "group 54"
    assert names(browser.get("segments?search=group+1"))[0] == "group 01"
    assert names(browser.get("segments?search=54&sort=-name")) == ["group 54"]
    assert "No segment has these words" in browser.get("segments?search=nowhere").text


@pytest.mark.parametrize(
    "query", ["sort=nonsense", "sort=-", "after=gone", "after=%00", "search=" + "x" * 5_000]
)
def test_an_odd_query_shows_the_list_all_the_same(app, query):
    arrive(app, "vip/a.csv")
    assert Browser(app).get(f"segments?{query}").status == 200


@pytest.mark.parametrize("name", HOSTILE)
def test_odd_names_are_shown_as_they_are_and_lead_to_their_page(app, name):
    add_connection(app)
    arrive(
        app, f"{name}/a.csv", f"EMail,{HOSTILE[0]},{'y' * 1_000}\na@example.com,{HOSTILE[0]},{HOSTILE[1]}\n"
    )
    add_export(app, "e1", name, name=name[:200])
    browser = Browser(app, Role.CONTRIBUTOR)
    page = browser.get("segments")
    assert page.soup.find_all("img", src="x") == []
    shown = browser.get(page.soup.select_one("tbody th.name a")["href"])
    assert shown.status == 200
    assert shown.soup.h1.bdi.get_text().startswith(name[:150])
    sample = browser.get(page.soup.select_one("tbody th.name a")["href"] + "?sample=yes")
    assert sample.status == 200
    assert shown.soup.find_all("img", src="x") == sample.soup.find_all("img", src="x") == []


def test_a_segment_shows_its_files_columns_and_arrival(app):
    arrive(app, "vip/a.csv")
    page = Browser(app, Role.VIEWER).get("segments/vip")
    assert page.title == "vip"
    for told in ("vip/a.csv", "1 file", "2 columns", "EMail", "Name", "Mar 1, 2026", "Plain rows"):
        assert told in page.text, told


def test_of_many_files_the_newest_are_shown(app):
    app.stores.sources.add("vip", SegmentSource(segment="vip", mode="delta", updated_at=START))
    for number in range(60):
        app.clock.advance(60)
        arrive(app, f"vip/{number:02d}.csv")
    page = Browser(app, Role.VIEWER).get("segments/vip")
    assert "60 files" in page.text
    assert "Only the newest 50 are shown." in page.text
    assert "vip/59.csv" in page.text
    assert "vip/05.csv" not in page.text


def test_a_segment_that_never_arrived_is_not_found(app):
    assert Browser(app).get("segments/nobody").status == 404


def test_a_segment_that_is_called_new_has_an_address_of_its_own(app):
    arrive(app, "new/a.csv")
    browser = Browser(app)
    assert browser.get("segments").links()["new"] == "/portal/segments/new/details"
    assert browser.get("segments/new/details").title == "new"
    assert browser.get("segments/new").links()["Open the segment"] == "/portal/segments/new/details"


def test_the_trend_is_a_picture_with_its_numbers_as_a_table(app):
    arrive(app, "vip/a.csv")
    points = tuple(
        TrendPoint(at=START + timedelta(days=day), profiles=count)
        for day, count in enumerate((1_000, 1_500, 1_200))
    )
    app.stores.segments.change("vip", lambda segment: segment.model_copy(update={"trend": points}))
    page = Browser(app, Role.VIEWER).get("segments/vip")
    svg = page.soup.select_one("svg[role=img]")
    assert "1,000 people" in svg.title.get_text()
    assert "1,200" in svg.title.get_text()
    table = svg.find_next("table")
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in table.select("tbody tr")]
    assert rows == [["1,200", "-300"], ["1,500", "+500"], ["1,000", "first arrival"]]


def test_without_two_points_there_is_no_picture(app):
    arrive(app, "vip/a.csv")
    assert Browser(app).get("segments/vip").soup.select_one("svg[role=img]") is None


@pytest.mark.parametrize("role", CHANGERS)
def test_first_rows_are_shown_on_request_with_masked_addresses_and_noted(app, role):
    arrive(app, "vip/a.csv", "EMail,Name\nana@example.com,<b>Ana</b>\nion@example.com,\n")
    browser = Browser(app, role)
    assert "a***@example.com" not in browser.get("segments/vip").text
    page = browser.get("segments/vip?sample=yes")
    assert "a***@example.com" in page.text
    assert "<b>Ana</b>" in page.text
    assert "ana@example.com" not in page.text
    assert any(b"sample.read" in log for log in app.log_blobs.blobs.values())


def test_viewers_see_no_rows_of_people(app):
    arrive(app, "vip/a.csv")
    page = Browser(app, Role.VIEWER).get("segments/vip?sample=yes")
    assert page.status == 200
    assert "***" not in page.text
    assert page.soup.select("main form") == []


def test_rows_that_cannot_be_read_any_more_are_told_on_the_page(app):
    arrive(app, "vip/a.csv")
    app.segment_blobs.put("vip/a.csv", "replaced")
    page = Browser(app).get("segments/vip?sample=yes")
    assert page.status == 422
    assert "vip/a.csv" in page.soup.select_one("[role=alert]").get_text()
    assert page.title == "vip"


@pytest.mark.parametrize("role", CHANGERS)
def test_a_segment_is_added_to_an_export_and_taken_out_again(app, role):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "other")
    browser = Browser(app, role)
    page = browser.get("segments/vip")
    assert page.links()["Add export"] == "/portal/exports/new?segment=vip"
    done = browser.post("segments/vip/exports", page.form("/portal/segments/vip/exports"))
    assert done.location == "/portal/segments/vip"
    page = browser.get(done.location)
    assert "from its next run on" in page.text
    assert page.links()["Export e1"] == "/portal/exports/e1"
    gone = browser.post("segments/vip/exports/e1/remove")
    assert gone.location == "/portal/segments/vip"
    assert app.stores.exports.get("e1").record.segment("vip") is None


def test_who_may_not_change_an_export_is_not_offered_it_and_refused(app):
    add_connection(app, Sharing.ADMINISTRATORS)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip", "other")
    add_export(app, "e2", "other")
    browser = Browser(app, Role.CONTRIBUTOR)
    page = browser.get("segments/vip")
    assert page.soup.select("select#export_id") == []
    assert "Take out of export" not in page.text
    assert browser.post("segments/vip/exports/e1/remove").status == 403
    assert browser.post("segments/vip/exports", export_id="e2").status == 403
    assert app.stores.exports.get("e1").record.segment("vip")


def test_what_an_export_does_not_allow_is_told_on_the_page(app):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip")
    browser = Browser(app)
    only = browser.post("segments/vip/exports/e1/remove")
    assert only.status == 409
    assert "only segment" in only.soup.select_one("[role=alert]").get_text()
    app.exports.add_segment("e1", NewSegmentChoice(name="other"), PEOPLE[Role.ADMINISTRATOR])
    assert browser.post("segments/vip/exports", export_id="e1").status == 409
    assert browser.post("segments/vip/exports", export_id="gone").status == 404


def test_which_exports_an_upload_starts_is_told(app):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip")
    add_export(app, "e2", "vip", schedule=Schedule(recurrence=Recurrence.HOURLY))
    add_export(app, "e3", "vip", active=False)
    rows = Browser(app).get("segments/vip").soup.select("section[aria-labelledby=exports] tbody tr")
    assert [row.select("td")[2].get_text(strip=True) for row in rows] == ["Yes", "No", "No"]


@pytest.mark.parametrize("role", CHANGERS)
def test_a_segment_is_forgotten_after_a_question(app, role):
    arrive(app, "vip/a.csv")
    browser = Browser(app, role)
    assert browser.get("segments/vip").links()["Forget the segment"] == "/portal/segments/vip/remove"
    page = browser.get("segments/vip/remove")
    assert "Its files stay" in page.text
    done = browser.submit(page, "segments/vip/remove")
    assert "is forgotten" in browser.get(done.location).text
    assert app.stores.segments.find("vip") is None
    assert "vip/a.csv" in app.segment_blobs.files


def test_a_segment_that_is_exported_is_not_forgotten(app):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip")
    browser = Browser(app)
    assert "1 export carries it." in browser.get("segments/vip/remove").text
    page = browser.post("segments/vip/remove")
    assert page.status == 409
    assert "Export e1" in page.soup.select_one("[role=alert]").get_text()


@pytest.mark.parametrize(
    "path", ["segments/vip/remove", "segments/vip/source", "segments/new"], ids=["remove", "source", "new"]
)
def test_viewers_open_no_page_that_changes_something(app, path):
    arrive(app, "vip/a.csv")
    assert Browser(app, Role.VIEWER).get(path).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "segments/vip/remove",
        "segments/vip/source",
        "segments/vip/source/remove",
        "segments/vip/exports",
        "segments/vip/exports/e1/remove",
    ],
)
def test_viewers_change_nothing(app, path):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip", "other")
    app.stores.sources.add("vip", SegmentSource(segment="vip", updated_at=START))
    before = (app.stores.exports.rows, app.stores.sources.rows, app.stores.segments.rows)
    before = [dict(rows) for rows in before]
    page = Browser(app, Role.VIEWER).post(path, export_id="e1", version="*")
    assert page.status == 403
    assert [app.stores.exports.rows, app.stores.sources.rows, app.stores.segments.rows] == before


def test_what_files_are_is_declared_changed_and_taken_back(app):
    arrive(app, "vip/a.csv", "EMail;Name\nana@example.com;Ana\n")
    browser = Browser(app, Role.CONTRIBUTOR)
    page = browser.get("segments/vip/source")
    done = browser.submit(page, "segments/vip/source", mode="partial", delimiter=";", header="yes")
    assert done.location == "/portal/segments/vip"
    assert "A part of everybody" in browser.get(done.location).text
    source = app.stores.sources.get("vip").record
    assert (source.mode, source.delimiter, source.has_header) == ("partial", ";", True)

    page = browser.get("segments/vip/source")
    assert page.form()["delimiter"] == [";"]
    assert page.form()["header"] == ["yes"]
    browser.submit(page, "segments/vip/source", format="segment", mode="", delimiter="tab", header="no")
    source = app.stores.sources.get("vip").record
    assert (source.format, source.mode, source.delimiter, source.has_header) == (
        "segment",
        "delta",
        "\t",
        False,
    )

    page = browser.get("segments/vip/source")
    assert page.form()["delimiter"] == ["tab"]
    browser.post("segments/vip/source/remove", version=page.form()["version"])
    assert app.stores.sources.find("vip") is None


def test_files_are_declared_before_the_first_one_arrives(app):
    browser = Browser(app, Role.CONTRIBUTOR)
    page = browser.get("segments/new/declare?segment=50%25+off", follow=False)
    assert page.location == "/portal/segments/50%25%20off/source"
    page = browser.get(page.location)
    done = browser.submit(page, "segments/50%25%20off/source", format="mparticle", mode="")
    assert done.location == "/portal/segments/new?segment=50%25+off"
    assert "It is declared." in browser.get(done.location).text
    assert app.stores.sources.get("50% off").record.mode == "delta"
    assert browser.get("segments/new/declare?segment=a%2Fb", follow=False).location == "/portal/segments/new"


def test_a_declaration_that_changed_meanwhile_is_shown_beside_what_was_typed(app):
    arrive(app, "vip/a.csv")
    mine, yours = Browser(app, Role.CONTRIBUTOR), Browser(app, Role.ADMINISTRATOR)
    page = mine.get("segments/vip/source")
    yours.submit(yours.get("segments/vip/source"), "segments/vip/source", mode="delta")

    refused = mine.submit(page, "segments/vip/source", mode="partial", delimiter="|")
    assert refused.status == 409
    alert = refused.soup.select_one("[role=alert]").get_text(" ")
    assert "meanwhile" in alert
    assert "Changes" in alert
    assert "ada@example.com" in alert
    assert (refused.form()["mode"], refused.form()["delimiter"]) == (["partial"], ["|"])
    assert app.stores.sources.get("vip").record.mode == "delta"

    mine.submit(refused, "segments/vip/source")
    assert app.stores.sources.get("vip").record.mode == "partial"


def test_a_declaration_that_is_taken_back_twice_is_told(app):
    arrive(app, "vip/a.csv")
    app.stores.sources.add("vip", SegmentSource(segment="vip", updated_at=START))
    page = Browser(app).post("segments/vip/source/remove", version="old")
    assert page.status == 409
    assert app.stores.sources.find("vip")


@pytest.mark.parametrize(
    "wrong", [{"format": "nonsense"}, {"mode": "nonsense"}, {"delimiter": "ab"}, {"delimiter": '"'}]
)
def test_a_declaration_that_makes_no_sense_is_told_at_its_field(app, wrong):
    arrive(app, "vip/a.csv")
    browser = Browser(app)
    page = browser.submit(browser.get("segments/vip/source"), "segments/vip/source", **wrong)
    assert page.status == 422
    assert page.soup.select_one(f"#errors a[href='#{next(iter(wrong))}']")
    assert app.stores.sources.find("vip") is None


@pytest.mark.parametrize(("language", "told"), [("es", "Segmentos"), ("ro", "Segmente")])
def test_pages_speak_the_readers_language(app, language, told):
    add_connection(app)
    arrive(app, "vip/a.csv")
    add_export(app, "e1", "vip")
    browser = Browser(app, language=language)
    assert browser.get("segments").title == told
    english = Browser(app)
    for path in ("segments", "segments/vip", "segments/vip/source", "segments/vip/remove", "segments/new"):
        theirs = {text.strip() for text in browser.get(path).soup.main.stripped_strings}
        ours = {text.strip() for text in english.get(path).soup.main.stripped_strings}
        both = {text for text in theirs & ours if any(map(str.isalpha, text)) and not text.endswith("\xa0B")}
        assert both <= {
            "vip",
            "vip/",
            "vip/a.csv",
            "EMail",
            "Name",
            "Export e1",
            "The account",
            "Adobe Experience Platform",
            "mParticle",
            "Twilio Segment",
            "RudderStack",
            "Census",
            "Hightouch",
            "No",
            "Not started",
            "Segment",
            "Format",
            "Export",
            "Folder",
        }, path
