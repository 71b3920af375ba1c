"""Uploads from the browser: as a form, and in the steps of the script."""

import json
from typing import Any

import pytest

from portal import site
from shared.domain.access import Role
from shared.domain.schedule import Recurrence, Schedule
from shared.usecases.segments.uploads import BLOCK_BYTES
from tests.unit.portal_client import Browser, Page, make_app
from tests.unit.test_portal_segments import HOSTILE, add_connection, add_export, arrive

CHANGERS = [Role.CONTRIBUTOR, Role.ADMINISTRATOR]
PEOPLE = b"EMail\nana@example.com\n"
NAME = "vip/20260301T080000Z-abcdefghijkm-people.csv"


@pytest.fixture
def app() -> Any:
    return make_app(STAGE_MAX_FILE_MB="12")


def token(browser: Browser) -> str:
    browser.get("preferences")
    return site.csrf.mask(browser.cookies["__Host-csrf"])


def upload(browser: Browser, segment: str, file: str = "people.csv", content: bytes = PEOPLE) -> Page:
    """Send the form as a browser without a script does."""
    fields = {"csrf": token(browser), "segment": segment}
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    escaped = file.replace('"', "%22")
    head = (
        f'Content-Disposition: form-data; name="file"; filename="{escaped}"\r\nContent-Type: text/csv\r\n\r\n'
    )
    parts.append(head.encode() + content)
    body = b"".join(b"--xYx\r\n" + part + b"\r\n" for part in parts) + b"--xYx--\r\n"
    return browser.send("segments/new", body, "multipart/form-data; boundary=xYx")


def ask(browser: Browser, step: str, body: bytes = b"", **form: object) -> tuple[int, dict[str, Any]]:
    """Do a step of the script."""
    if form:
        page = browser.post(f"segments/new/{step}", form)
    else:
        page = browser.send(f"segments/new/{step}", body, **{"x-csrf-token": token(browser)})
    return page.status, json.loads(page.body)


def send_block(browser: Browser, name: str, number: object, data: bytes) -> tuple[int, dict[str, Any]]:
    headers = {
        "x-csrf-token": token(browser),
        "x-upload-name": site.quote(name, safe=""),
        "x-upload-block": str(number),
    }
    page = browser.send("segments/new/block", data, "application/octet-stream", **headers)
    return page.status, json.loads(page.body)


def written(app: Any) -> dict[str, bytes]:
    return app.segment_uploads.written


@pytest.mark.parametrize("role", CHANGERS)
def test_a_file_is_uploaded_with_a_plain_form(app, role):
    browser = Browser(app, role)
    page = browser.get("segments/new?segment=vip")
    form = page.soup.select_one("form#upload")
    assert (form["enctype"], form["method"]) == ("multipart/form-data", "post")
    assert form.select_one("#segment")["value"] == "vip"
    assert "100" in page.soup.noscript.get_text()

    done = upload(browser, "vip")
    [(name, content)] = written(app).items()
    assert name.startswith("vip/20260301T080000Z-")
    assert content == PEOPLE
    page = browser.get(done.location)
    assert page.title == "Uploaded"
    assert name in page.text
    assert "will be looked at in a moment" in page.text
    assert page.soup.select_one("#state")["hx-get"] == done.location


def test_an_upload_leads_to_its_segment_once_it_was_looked_at(app):
    browser = Browser(app)
    done = upload(browser, "vip")
    [(name, content)] = written(app).items()
    arrive(app, name, content.decode())
    page = browser.get(done.location)
    assert page.links()["Open the segment"] == "/portal/segments/vip"
    assert page.soup.select_one("#state").get("hx-get") is None
    assert "has been looked at" in page.text


def test_an_upload_tells_which_exports_run_by_it(app):
    add_connection(app)
    add_export(app, "e1", "vip")
    add_export(app, "e2", "vip", schedule=Schedule(recurrence=Recurrence.HOURLY))
    add_export(app, "e3", "other")
    page = Browser(app).get(upload(Browser(app), "vip").location)
    lists = [[link.get_text() for link in each.find_all("a")] for each in page.soup.select("#state ul")]
    assert lists == [["Export e1", "Runs"], ["Export e2"]]
    assert "Export e3" not in page.text


def test_an_upload_of_a_segment_that_nobody_exports_offers_an_export(app):
    page = Browser(app).get(upload(Browser(app), "vip").location)
    assert "No export carries the segment yet" in page.text
    assert page.links()["Add export"] == "/portal/exports/new?segment=vip"


@pytest.mark.parametrize("name", HOSTILE)
def test_segments_with_odd_names_are_uploaded(app, name):
    browser = Browser(app)
    done = upload(browser, name, file=f'{"<b>" * 30}"; x=.csv')
    page = browser.get(done.location)
    assert page.status == 200
    assert page.soup.find_all("img", src="x") == page.soup.main.find_all("b") == []
    assert next(iter(written(app))).startswith(f"{name}/")


@pytest.mark.parametrize(
    ("segment", "file", "content", "field"),
    [
        ("", "people.csv", PEOPLE, "segment"),
        ("a/b", "people.csv", PEOPLE, "segment"),
        ("x" * 10_000, "people.csv", PEOPLE, "segment"),
        ("CustomerInsights_1", "people.csv", PEOPLE, "segment"),
        ("vip", "", b"", "file"),
        ("vip", "people.csv", b"", "file"),
        ("vip", "people.xlsx", PEOPLE, "file"),
        ("vip", "model.json", PEOPLE, "file"),
        ("vip", "people.csv", b"x" * ((12 << 20) + 1), "file"),
    ],
)
def test_what_cannot_be_uploaded_is_told_beside_its_field(app, segment, file, content, field):
    page = upload(Browser(app, Role.CONTRIBUTOR), segment, file, content)
    assert page.status == 422
    assert page.soup.select_one(f"#errors a[href='#{field}']")
    assert page.soup.select_one(f"form#upload #{field}")["aria-describedby"].endswith(f"{field}-wrong")
    assert page.soup.select_one("#segment")["value"] == segment
    assert written(app) == {}


def test_a_segment_whose_files_come_from_elsewhere_is_told_beside_the_name(app):
    name = "CustomerInsights_abcd1234/BlobExport/vip/2026/03/01/0800/vip_1.csv"
    app.segment_blobs.put(name, PEOPLE, app.clock())
    app.clock.advance(120)
    app.arrivals.inspect(name)
    page = upload(Browser(app), "vip")
    assert page.status == 422
    assert "CustomerInsights_abcd1234" in page.soup.select_one("#segment-wrong").get_text()


def test_a_form_without_the_browsers_token_uploads_nothing(app):
    browser = Browser(app)
    browser.get("preferences")
    body = b'--xYx\r\nContent-Disposition: form-data; name="segment"\r\n\r\nvip\r\n--xYx--\r\n'
    assert browser.send("segments/new", body, "multipart/form-data; boundary=xYx").status == 403
    assert browser.send("segments/new/block", b"x", "application/octet-stream").status in (400, 403)
    assert (written(app), app.segment_uploads.waiting) == ({}, {})


@pytest.mark.parametrize("role", CHANGERS)
def test_the_script_sends_blocks_in_any_order_and_again(app, role):
    browser, data = Browser(app, role), b"x" * (2 * BLOCK_BYTES) + b"end"
    status, begun = ask(browser, "begin", segment="vip ñ", file_name="people.csv", size_bytes=len(data))
    assert (status, begun["blocks"], begun["block_size_bytes"]) == (200, 3, BLOCK_BYTES)
    for number in (2, 0, 1, 1):
        assert send_block(browser, begun["name"], number, data[number * BLOCK_BYTES :][:BLOCK_BYTES]) == (
            200,
            {},
        )
    status, done = ask(browser, "finish", name=begun["name"], blocks=3)
    assert status == 200
    assert written(app) == {begun["name"]: data}
    assert browser.get(done["address"]).title == "Uploaded"


def test_finishing_again_leads_to_the_same_place(app):
    browser = Browser(app)
    _, begun = ask(browser, "begin", segment="vip", file_name="people.csv", size_bytes=3)
    send_block(browser, begun["name"], 0, b"abc")
    first = ask(browser, "finish", name=begun["name"], blocks=1)
    assert ask(browser, "finish", name=begun["name"], blocks=1) == first


def test_the_script_learns_which_blocks_are_missing(app):
    browser = Browser(app)
    _, begun = ask(browser, "begin", segment="vip", file_name="people.csv", size_bytes=2 * BLOCK_BYTES + 1)
    send_block(browser, begun["name"], 2, b"x")
    status, told = ask(browser, "finish", name=begun["name"], blocks=3)
    assert (status, told["code"], told["missing"]) == (400, "upload-incomplete", [0, 1])
    assert written(app) == {}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"segment": "a/b", "file_name": "a.csv", "size_bytes": 1}, "segment"),
        ({"segment": "vip", "file_name": "a.exe", "size_bytes": 1}, "file"),
        ({"segment": "vip", "file_name": "a.csv", "size_bytes": 0}, "file"),
        ({"segment": "vip", "file_name": "a.csv", "size_bytes": 1 << 60}, "file"),
        ({"segment": "vip", "file_name": "a.csv", "size_bytes": "many"}, ""),
    ],
)
def test_the_script_learns_what_is_wrong_and_where(app, form, field):
    status, told = ask(Browser(app), "begin", **form)
    assert (status, told["field"]) == (400, field)
    assert told["message"]
    assert told["remedy"]


@pytest.mark.parametrize(
    ("name", "number", "data"),
    [
        (NAME, "x", b"x"),
        (NAME, -1, b"x"),
        (NAME, 3, b"x"),
        (NAME, 0, b""),
        (NAME, 0, b"x" * (BLOCK_BYTES + 1)),
        ("vip/people.csv", 0, b"x"),
        ("", 0, b"x"),
    ],
)
def test_blocks_that_cannot_be_are_refused(app, name, number, data):
    status, told = send_block(Browser(app), name, number, data)
    assert status == 400
    assert told["message"]
    assert app.segment_uploads.waiting == {}


def test_viewers_upload_nothing_in_any_way(app):
    viewer = Browser(app, Role.VIEWER)
    assert viewer.get("segments/new").status == 403
    assert upload(viewer, "vip").status == 403
    assert ask(viewer, "begin", segment="vip", file_name="a.csv", size_bytes=1)[0] == 403
    assert send_block(viewer, NAME, 0, b"x")[0] == 403
    assert ask(viewer, "finish", name=NAME, blocks=1)[0] == 403
    assert (written(app), app.segment_uploads.waiting) == ({}, {})


def test_a_script_whose_session_has_ended_is_told_so_and_not_led_away(app):
    browser = Browser(app)
    sent = {"x-csrf-token": token(browser), "hx-request": "true"}
    browser.role = None
    assert browser.send("segments/new/block", b"x", "application/octet-stream", **sent).status == 401


@pytest.mark.parametrize("file", ["", "vip/people.csv", "../20260301T080000Z-abcdefghijkm-people.csv", "<b>"])
def test_the_page_of_an_upload_that_cannot_be_says_so(app, file):
    assert Browser(app).get(f"segments/new/done?file={site.quote(file)}").status == 400


def test_the_script_gets_all_it_says_from_the_page(app):
    page = Browser(app, language="ro").get("segments/new")
    said = page.soup.select_one("#sending").attrs
    script = Browser(app).get(page.soup.select_one("script[type=module]")["src"])
    assert script.status == 200
    for name in (
        "beginning",
        "going",
        "waiting",
        "finishing",
        "finished",
        "broken",
        "unreadable",
        "cancelled",
    ):
        assert said[f"data-{name}"]
        assert name in script.body.decode()
