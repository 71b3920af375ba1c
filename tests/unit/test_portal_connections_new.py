"""Adding a connection: nine steps on one page, the key tried before anything is saved, and the key never on a page."""

import pytest

from shared.domain.access import Role
from shared.domain.connection import ConnectionStatus, Sharing
from shared.domain.consent import CONSENT_TEXTS
from shared.domain.errors import StorageUnavailable, Unavailable
from tests.unit.portal_client import Browser, Page, make_app

KEY = "right-key"
NEW = "connections/new"


@pytest.fixture
def app():
    return make_app()


@pytest.fixture
def browser(app) -> Browser:
    return Browser(app)


def filled(page: Page, **changes: object) -> dict[str, object]:
    """Return what somebody sends who fills in the whole form and saves."""
    typed = {"display-name": "Newsletter", "api-key": KEY, "agree": "yes", "do": "save"}
    return {name: value for name, value in {**page.form(), **typed, **changes}.items() if value is not None}


def connections(app) -> list:
    return list(app.stores.connections.all())


def result(page: Page) -> str:
    return page.soup.select_one("#connect-result").get_text(" ", strip=True)


def test_the_page_has_the_nine_steps_and_safe_defaults(browser):
    page = browser.get(NEW)
    assert (page.status, page.title) == (200, "Add connection")
    assert len(page.soup.select("ol.steps > li")) == 9
    sent = page.form()
    assert sent["shared-with"] == ["administrators"]
    assert sent["destination"] == ["autopilot"]
    assert sent["key-source"] == ["typed"]
    assert sent["export-user"] == ["yes"]
    assert sent["agree"] == []
    assert "ada@example.com" in page.soup.select_one("#export-user-hint").get_text()
    field = page.soup.select_one("#api-key")
    assert (field["type"], field["autocomplete"], field["value"]) == ("password", "off", "")
    assert CONSENT_TEXTS["en"] in page.text


def test_a_connection_is_added_with_all_that_was_chosen_and_connected(app, browser):
    app.vault.secrets["theirs"] = "x"
    changes = {"shared-with": "contributors", "max-profiles": "500", "max-calls": "2"}
    page = browser.post(NEW, filled(browser.get(NEW), **changes))
    [added] = connections(app)
    assert page.location == f"/portal/connections/{added.id}"
    assert (added.display_name, added.shared_with, added.status) == (
        "Newsletter",
        Sharing.CONTRIBUTORS,
        ConnectionStatus.CONNECTED,
    )
    assert (added.max_profiles_per_run, added.max_calls_per_s) == (500, 2)
    assert (added.consent.given_by, added.consent.version, added.consent.language) == (
        "ada@example.com",
        "1",
        "en",
    )
    assert added.export_user.name == "ada@example.com"
    assert app.vault.secrets[added.secret_name] == KEY
    shown = browser.get(page.location)
    assert "The connection “Newsletter” was saved." in shown.text
    assert "It works." in shown.text


def test_a_form_that_is_sent_twice_adds_one_connection(app, browser):
    form = filled(browser.get(NEW))
    first, second = (browser.post(NEW, form).location for _ in range(2))
    assert first == second
    assert len(connections(app)) == len(app.vault.secrets) == 1


def test_a_form_that_has_added_a_connection_adds_no_other_one_unnoticed(app, browser):
    form = filled(browser.get(NEW))
    browser.post(NEW, form)
    page = browser.post(NEW, {**form, "display-name": "Another", "api-key": "another-key"})
    assert page.status == 409
    assert "'Newsletter' was added with this form already" in page.text
    assert list(app.vault.secrets.values()) == [KEY]


def test_the_agreement_is_kept_in_the_language_in_which_it_was_read(app):
    browser = Browser(app, language="ro")
    browser.post(NEW, filled(browser.get(NEW)))
    [added] = connections(app)
    assert (added.consent.language, added.consent.text) == ("ro", CONSENT_TEXTS["ro"])


def test_who_does_not_want_to_be_export_user_is_not(app, browser):
    browser.post(NEW, filled(browser.get(NEW), **{"export-user": None}))
    assert connections(app)[0].export_user is None


def test_a_refused_key_is_saved_as_a_connection_that_needs_attention(app, browser):
    page = browser.post(NEW, filled(browser.get(NEW), **{"api-key": "wrong-key"}))
    assert connections(app)[0].status is ConnectionStatus.NEEDS_ATTENTION
    shown = browser.get(page.location)
    assert "It does not work." in shown.text
    assert "wrong-key" not in shown.body.decode()


def test_a_connection_whose_key_cannot_be_tried_when_it_is_saved_is_not_lost(app, browser):
    sent = filled(browser.get(NEW))
    broken = [StorageUnavailable("Storage does not answer.")]
    app.destinations["autopilot"].faults["check"] = broken
    page = browser.post(NEW, sent)
    [added] = connections(app)
    assert added.status is ConnectionStatus.DRAFT
    assert "its key could not be tried" in browser.get(page.location).text


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"display-name": "  "}, "display-name", "Give the connection a name."),
        ({"display-name": "x" * 10_000}, "display-name", "At most 200 characters."),
        ({"shared-with": "everybody"}, "shared-with", "Choose one of the values that are offered."),
        ({"destination": "elsewhere"}, "destination", "There is no destination 'elsewhere'."),
        ({"api-key": ""}, "api-key", "Type the API key."),
        ({"api-key": "clé"}, "api-key", "The API key is blank or contains characters that no API key has."),
        ({"key-source": "vault", "secret-name": ""}, "secret-name", "Choose a secret."),
        ({"key-source": "vault", "secret-name": "gone"}, "secret-name", "There is no secret 'gone'."),
        ({"agree": None}, "agree", "Read the text and agree to it: nothing can be transferred before."),
        ({"consent-version": "0"}, "agree", "The text of the agreement has changed: its version is 1."),
        ({"consent-language": "xx"}, "agree", "Choose one of the values that are offered."),
        ({"max-profiles": "100001"}, "max-profiles", "A connection may lower the limit"),
        ({"max-calls": "fast"}, "max-calls", "Give a number."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_but_the_key_is_lost(app, browser, changes, field, message):
    app.vault.secrets["theirs"] = KEY
    sent = filled(browser.get(NEW), **{"display-name": "My name", **changes})
    page = browser.post(NEW, sent)
    assert page.status == 422
    assert message in page.soup.select_one("#errors").get_text(" ")
    assert message in page.soup.select_one(f"#{field}-wrong").get_text()
    assert page.soup.select_one(f"#{field}") is not None
    assert connections(app) == []
    assert app.vault.secrets == {"theirs": KEY}
    if "display-name" not in changes:
        assert page.soup.select_one("#display-name")["value"] == "My name"
    assert KEY not in page.body.decode()
    if changes.get("api-key") != "":
        assert "Type the key again" in page.text


def test_all_that_is_wrong_is_told_at_once(browser):
    page = browser.post(NEW, {"do": "save"})
    linked = {link["href"] for link in page.soup.select("#errors a")}
    assert {"#display-name", "#api-key", "#agree", "#shared-with"} <= linked


def test_connect_tells_its_result_and_saves_nothing(app, browser):
    app.destinations["autopilot"].create_list("VIP")
    sent = filled(browser.get(NEW), do="connect")
    page = browser.post(NEW, sent)
    assert page.status == 200
    assert "It works. The key is valid as 'The account'; 1 list was found." in result(page)
    assert page.soup.select_one("#display-name")["value"] == "Newsletter"
    assert page.form()["agree"] == ["yes"]
    assert "Type the key again" in page.text
    assert KEY not in page.body.decode()
    assert (connections(app), app.vault.secrets) == ([], {})


def test_connect_needs_no_more_than_the_key(browser):
    page = browser.post(NEW, {"do": "connect", "destination": "autopilot", "api-key": KEY})
    assert "It works." in result(page)
    assert page.soup.select_one("#errors") is None


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"api-key": "wrong-key"}, 200, "It does not work."),
        ({"api-key": ""}, 422, "Type the API key."),
        ({"api-key": "clé"}, 422, "The API key is blank or contains characters"),
        ({"api-key": "x" * 501}, 422, "At most 500 characters."),
        ({"key-source": "vault", "secret-name": "theirs"}, 200, "It works."),
        ({"key-source": "vault", "secret-name": "gone"}, 422, "There is no secret 'gone'."),
        (
            {"api-key": KEY, "destination": "elsewhere"},
            200,
            "This app knows no destination 'elsewhere' any more.",
        ),
    ],
)
def test_the_result_of_connect_says_what_was_found(app, browser, sent, status, told):
    app.vault.secrets["theirs"] = KEY
    page = browser.post(NEW, {"do": "connect", "destination": "autopilot", **sent})
    assert page.status == status
    assert told in result(page)
    if sent.get("api-key"):
        assert sent["api-key"] not in page.body.decode()
    assert connections(app) == []


def test_connect_says_when_autopilot_is_away(app, browser):
    app.destinations["autopilot"].faults["check"] = [Unavailable("Autopilot does not answer.")]
    page = browser.post(NEW, {"do": "connect", "destination": "autopilot", "api-key": KEY})
    assert "It does not work. Autopilot does not answer." in result(page)


def test_a_secret_is_chosen_by_name_and_never_written(app, browser):
    app.vault.secrets |= {"theirs": KEY, "another": "x", "segpilot-own": "x"}
    page = browser.get(NEW)
    options = [option["value"] for option in page.soup.select("#secret-name option")]
    assert options == ["", "another", "theirs"]
    chosen = {"key-source": "vault", "secret-name": "theirs", "api-key": ""}
    browser.post(NEW, filled(page, **chosen))
    [added] = connections(app)
    assert (added.secret_name, added.secret_owned, added.status) == (
        "theirs",
        False,
        ConnectionStatus.CONNECTED,
    )
    assert len(app.vault.secrets) == 3


def test_a_vault_that_cannot_be_reached_is_told_and_a_typed_key_can_still_be_tried(app, browser):
    app.vault.silent = True
    page = browser.get(NEW)
    assert page.status == 200
    assert "The vault cannot be reached." in page.text
    assert "It works." in result(browser.post(NEW, filled(page, do="connect")))
    failed = browser.post(NEW, filled(page))
    assert failed.status == 503
    assert failed.soup.select_one("#display-name")["value"] == "Newsletter"
    assert KEY not in failed.body.decode()
    assert connections(app) == []


def test_connect_asks_only_for_its_own_part_of_the_page(browser):
    button = browser.get(NEW).soup.select_one("button[value=connect]")
    assert (button["hx-select"], button["hx-target"]) == ("#connect-result", "#connect-result")
    assert button.has_attr("formnovalidate")


def test_no_page_ever_holds_the_key(app, browser):
    browser.post(NEW, filled(browser.get(NEW), do="connect"))
    here = browser.post(NEW, filled(browser.get(NEW))).location
    browser.post(f"{here}/key", {"api-key": KEY})
    everywhere = ["connections", NEW, "audit", "health", "erasures"]
    everywhere += [f"{here}{part}" for part in ("", "/key", "/lists", "/alerts", "/suppression", "/remove")]
    for role in (Role.ADMINISTRATOR, Role.CONTRIBUTOR):
        for path in everywhere:
            page = Browser(app, role).get(path)
            assert KEY not in f"{page.body.decode()} {page.headers}"
    assert KEY not in str(browser.cookies)


def test_what_is_wrong_is_summed_up_in_the_order_of_the_page(app, browser):
    sent = filled(browser.get(NEW), **{"display-name": "", "api-key": "", "agree": None})
    summary = browser.post(NEW, sent).soup.select("#errors a")
    assert [link["href"] for link in summary] == ["#display-name", "#api-key", "#agree"]
