"""What holds for every page of the portal."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal import site
from portal.csrf import mask, new_secret
from portal.languages import choose_language, choose_region, language
from portal.reader import Reader, duration, exactly, moment, number, reading, size
from portal.web import Request
from shared.domain.access import Role
from shared.domain.errors import NotSignedIn
from shared.usecases.connections.forms import NewConnection
from tests.fakes_stores import START
from tests.unit.portal_client import PEOPLE, Browser, make_app


@pytest.fixture
def app():
    return make_app()


def test_who_has_not_signed_in_is_led_to_it_and_back(app):
    page = Browser(app, None).get("exports?sort=-name", follow=False)
    assert page.location == "/.auth/login/aad?post_login_redirect_uri=%2Fportal%2Fexports%3Fsort%3D-name"


@pytest.mark.parametrize(
    "url", ["https://app//evil.example/portal/", "https://app/\\evil.example", "https://app"]
)
def test_nobody_is_led_elsewhere_after_signing_in(app, url):
    def refuse():
        raise NotSignedIn("Nobody is signed in.")

    answer = site.answer(Request("GET", url, "", {}, b"", app, refuse))
    assert answer.headers["Location"] == "/.auth/login/aad?post_login_redirect_uri=%2Fportal%2F"


def test_a_live_part_that_has_lost_its_session_reloads_the_page(app):
    page = Browser(app, None).get("runs/run-1", live=True)
    assert (page.status, page.headers["HX-Refresh"]) == (401, "true")


def test_a_form_that_is_sent_without_a_session_can_be_sent_again(app):
    browser = Browser(app)
    browser.get("preferences")
    browser.role = None
    page = browser.post("preferences", {"theme": "dark"})
    assert page.status == 401
    assert "reload this page" in page.text
    assert page.links()["Sign in in another tab"].startswith("/.auth/login/aad")
    assert page.soup.select_one("#main [target=_blank]")
    browser.role = Role.VIEWER
    assert browser.post("preferences", {"theme": "dark"}).status == 303


@pytest.mark.parametrize(("role", "status"), [(None, 401), (Role.VIEWER, 404)])
def test_what_was_typed_stays_when_a_form_that_renews_itself_meets_a_problem(app, role, status):
    browser = Browser(app)
    browser.get("preferences")
    browser.role = role
    token = {"x-csrf-token": mask(browser.cookies["__Host-csrf"]), "hx-request": "true"}
    page = browser.send("nowhere", b"", **token)
    assert (page.status, page.headers["HX-Retarget"], page.headers["HX-Reselect"]) == (
        status,
        "#trouble",
        "#trouble",
    )
    assert len(page.soup.select("#trouble [role=alert]")) == 1
    assert browser.get("preferences").soup.select("#trouble") or role is None


def test_a_page_that_is_not_there_says_so_in_the_readers_language(app):
    page = Browser(app).get("nowhere")
    assert page.status == 404
    assert "There is no such page. no-such-page" in page.text


def test_a_problem_takes_the_place_of_the_page_when_a_part_of_it_asked(app):
    page = Browser(app).get("nowhere", live=True)
    assert (page.status, page.headers["HX-Retarget"], page.headers["HX-Reselect"]) == (404, "#main", "#main")
    assert "HX-Retarget" not in Browser(app).get("nowhere").headers


def test_every_page_forbids_scripts_and_styles_from_elsewhere_and_inline(app):
    page = Browser(app).get("preferences")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.soup.find_all("script", src=False) == page.soup.find_all("style") == []
    assert page.soup.find_all(style=True) == []


@pytest.mark.parametrize(
    "token", ["", "nonsense", mask(new_secret())], ids=["none", "nonsense", "another browser's"]
)
def test_a_form_without_the_browsers_own_token_changes_nothing(app, token):
    browser = Browser(app)
    browser.get("preferences")
    page = browser.send("preferences", f"language=es&csrf={token}".encode())
    assert page.status == 403
    assert "language" not in browser.cookies


def test_a_token_may_come_as_a_header_instead(app):
    browser = Browser(app)
    browser.get("preferences")
    headers = {"x-csrf-token": mask(browser.cookies["__Host-csrf"])}
    browser.send("preferences", b"language=es", **headers)
    assert browser.cookies["language"] == "es"


def test_the_language_is_that_of_the_browser_until_another_is_chosen(app):
    browser = Browser(app, language="ro-RO,ro;q=0.9,en;q=0.8")
    assert browser.get("preferences").soup.html["lang"] == "ro"
    browser.post("preferences", {"language": "es"})
    assert browser.get("preferences").soup.html["lang"] == "es"


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"),
        ("fr", "en"),
        ("fr, es;q=0.5", "es"),
        ("en;q=0.1, ro-MD;q=0.9", "ro"),
        ("es;q=0", "en"),
        (";;,=", "en"),
        (" en ; q=0.5 , es ; q=0.9 ", "es"),
        ("es" + " " * 100_000 + "x", "en"),
    ],
)
def test_the_language_that_the_browser_likes_best_is_taken(accepted, chosen):
    assert choose_language("", accepted) == chosen


@pytest.mark.parametrize(
    ("accepted", "written"),
    [
        ("en-GB,en;q=0.9", "22/11/2026, 17:00"),
        ("en", "11/22/26, 5:00 PM"),
        ("en-QQ", "11/22/26, 5:00 PM"),
        ("es-ES, en-GB;q=0.5", "22/11/2026, 17:00"),
        ("es-ES", "11/22/26, 5:00 PM"),
    ],
)
def test_dates_follow_the_region_of_the_browser(accepted, written):
    at = datetime(2026, 11, 22, 17, tzinfo=UTC)
    with reading(Reader(language("en"), UTC, at, choose_region("en", accepted))):
        assert " ".join(moment(at, "short").split()) == written


def test_preferences_are_kept_and_lead_back(app):
    browser = Browser(app)
    page = browser.post(
        "preferences", {"theme": "dark", "time-zone": "Europe/Bucharest", "back": "/portal/exports?a=1"}
    )
    assert page.location == "/portal/exports?a=1"
    shown = browser.get("preferences")
    assert shown.soup.html["data-theme"] == "dark"
    assert shown.soup.select_one("#time-zone option[selected]")["value"] == "Europe/Bucharest"


def test_a_notice_in_any_script_is_shown_once_and_fits_into_a_cookie(app):
    """Browsers take cookies of up to 4,096 bytes (RFC 6265, 6.1)."""
    name, browser = "\U0001f600 100 %20 <b> " + "\U0001f600" * 180, Browser(app)
    wanted = {"display_name": name, "api_key": "right-key", "consent": {"agreed": True, "version": "1"}}
    added = app.connections.add(NewConnection.model_validate(wanted), PEOPLE[Role.ADMINISTRATOR])
    version = browser.get(f"connections/{added.id}").soup.select_one("input[name=version]")["value"]
    fields = {"display-name": name, "shared-with": "administrators", "version": version}
    assert browser.post(f"connections/{added.id}", fields).status == 303
    assert len(browser.cookies["notice"]) < 4_000
    notice = browser.get("preferences").soup.select_one(".notice")
    assert notice.get_text() == f"Saved “{name.strip()}”."
    assert browser.get("preferences").soup.select_one(".notice") is None


def test_cookies_mean_the_same_once_the_functions_host_has_rewritten_them(app):
    browser = Browser(app)
    browser.post("preferences", {"time-zone": "America/Port-au-Prince"})
    assert browser.cookies["time-zone"] == "America%2FPort-au-Prince"
    assert browser.get("preferences").soup.select_one("#time-zone option[selected]")["value"] == (
        "America/Port-au-Prince"
    )
    assert browser.post("preferences", {"theme": "dark"}).status == 303


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/portal//evil.example",
        "/portal/\\evil",
        "/elsewhere",
        "",
        "/portal/../.auth/logout",
        "/portal/%2e%2e/.auth/logout",
        "/portal/?a=ă",
        "/portal/%0aa",
        "/portal/?\r\na:b",
    ],
)
def test_preferences_never_lead_elsewhere(app, back):
    assert Browser(app).post("preferences", {"theme": "dark", "back": back}).location == "/portal/"


def test_a_time_zone_that_there_is_not_is_refused(app):
    page = Browser(app).post("preferences", {"time-zone": "Mars/Olympus"})
    assert page.status == 422
    assert page.soup.select_one("#time-zone")["aria-invalid"] == "true"


def test_static_files_are_kept_for_good_under_the_address_that_pages_name(app):
    browser = Browser(app, None)
    sheet = browser.get(Browser(app).get("preferences").soup.select_one("link[rel=stylesheet]")["href"])
    assert sheet.status == 200
    assert "immutable" in sheet.headers["Cache-Control"]
    assert browser.get("static/portal.css?v=old").headers["Cache-Control"] == "no-cache"
    assert browser.get("static/../site.py").status == 404


@pytest.mark.parametrize("role", list(Role))
def test_connections_are_only_in_the_navigation_of_who_may_use_some(app, role):
    links = Browser(app, role).get("preferences").links()
    assert ("Connections" in links) == (role is not Role.VIEWER)


def test_numbers_sizes_and_times_are_written_as_the_reader_does():
    with reading(Reader(language("es"), START.tzinfo, START)):
        assert (number(1234567.5), size(16_400_000), duration(timedelta(hours=2, minutes=5).seconds)) == (
            "1.234.567,5",
            "16,4\u00a0MB",
            "2 horas 5 minutos",
        )
        assert duration(0.2) == "0 segundos"


@pytest.mark.parametrize(
    ("zone", "told"),
    [("UTC", "1 iul. 2026, 08:00:00 UTC"), ("Europe/Bucharest", "1 iul. 2026, 11:00:00 EEST")],
)
def test_a_moment_is_told_with_the_time_zone_that_holds_then(zone, told):
    with reading(Reader(language("ro"), ZoneInfo(zone), START)):
        assert exactly(datetime(2026, 7, 1, 8, tzinfo=UTC)).striptags() == told
