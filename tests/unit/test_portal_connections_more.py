"""What belongs to a connection: its receiver of alerts, the people who are never sent, and its end."""

import hashlib

import pytest

from shared.domain.access import Role
from shared.domain.errors import NotFound
from shared.domain.run import Run, RunStatus, SegmentRun, Trigger
from shared.usecases.connections.suppression import SuppressionChange
from tests.fakes_stores import START
from tests.unit.alert_office import Receivers
from tests.unit.portal_client import Browser, make_app
from tests.unit.test_portal_connections import ADA, HOSTILE, KEY, add, add_export, stored

URL = "https://hooks.example/T0/secret-token"


@pytest.fixture
def app():
    made = make_app()
    made.webhooks = Receivers()
    return made


@pytest.fixture
def browser(app) -> Browser:
    return Browser(app)


@pytest.fixture
def connection(app):
    return add(app)


# Alerts


def alerts(connection) -> str:
    return f"connections/{connection.id}/alerts"


def test_a_receiver_is_set_and_its_signing_key_shown_once_but_never_its_address(app, browser, connection):
    empty = browser.get(alerts(connection))
    assert "Nobody is told yet." in empty.text
    page = browser.post(alerts(connection), {"do": "set", "shape": "generic", "url": URL})
    assert page.status == 200
    signing_key = page.soup.select_one(".notice.good code").get_text()
    assert signing_key in app.vault.secrets[f"segpilot-{connection.id}-alert"]
    again = browser.get(alerts(connection))
    assert "hooks.example" in again.text
    for each in (page, again, browser.get(f"connections/{connection.id}")):
        assert "secret-token" not in each.body.decode()
    assert signing_key not in again.body.decode()


@pytest.mark.parametrize("shape", ["teams", "slack"])
def test_receivers_that_check_no_signature_get_no_key(app, browser, connection, shape):
    page = browser.post(alerts(connection), {"do": "set", "shape": shape, "url": URL})
    assert page.location == f"/portal/{alerts(connection)}"
    assert stored(app, connection.id).alert.shape == shape
    assert "Alerts go there from now on." in browser.get(page.location).text


@pytest.mark.parametrize(
    ("sent", "field", "message"),
    [
        ({"url": "https://private.example"}, "url", "Alerts cannot go to this address."),
        ({"url": ""}, "url", "Give the address of the receiver."),
        ({"url": "x" * 2_001}, "url", "At most 2000 characters."),
        ({"url": URL, "shape": "pager"}, "shape", "Choose one of the values that are offered."),
    ],
)
def test_what_is_wrong_with_a_receiver_is_told_and_nothing_is_set(
    app, browser, connection, sent, field, message
):
    page = browser.post(alerts(connection), {"do": "set", "shape": "generic", **sent})
    assert page.status == 422
    [link] = page.soup.select("#errors a")
    assert (link["href"], message in link.get_text()) == (f"#{field}", True)
    assert stored(app, connection.id).alert is None
    assert URL not in page.body.decode()


def test_a_test_alert_tells_its_result(app, browser, connection):
    browser.post(alerts(connection), {"do": "set", "shape": "slack", "url": URL})
    page = browser.post(alerts(connection), {"do": "test"})
    assert "The test alert was delivered." in page.soup.select_one("#trial").get_text()
    assert [heard.url for heard in app.webhooks.heard] == [URL]
    app.webhooks.trouble = "hooks.example answered 503."
    page = browser.post(alerts(connection), {"do": "test"})
    told = page.soup.select_one("#trial").get_text()
    assert "The test alert was not delivered." in told
    assert "hooks.example answered 503." in told


def test_a_test_without_a_receiver_is_a_problem(browser, connection):
    assert browser.post(alerts(connection), {"do": "test"}).status == 404


def test_a_vault_that_is_away_keeps_alerts_as_they_are(app, browser, connection):
    browser.post(alerts(connection), {"do": "set", "shape": "slack", "url": URL})
    app.vault.silent = True
    for sent in ({"do": "test"}, {"do": "set", "shape": "teams", "url": URL}):
        page = browser.post(alerts(connection), sent)
        assert page.status == 503
        assert "The vault cannot be reached." in page.text
    assert stored(app, connection.id).alert.shape == "slack"


def test_a_receiver_is_removed_after_a_question(app, browser, connection):
    browser.post(alerts(connection), {"do": "set", "shape": "slack", "url": URL})
    button = browser.get(alerts(connection)).soup.select_one("button[value=remove]")
    assert button["data-confirm"]
    page = browser.post(alerts(connection), {"do": "remove"})
    assert "Nobody is told any more." in browser.get(page.location).text
    assert stored(app, connection.id).alert is None


# People who are never sent


def suppression(connection) -> str:
    return f"connections/{connection.id}/suppression"


def test_people_are_added_checked_and_taken_off(app, browser, connection):
    address_hash = hashlib.sha256(b"b@test.org").hexdigest()
    typed = f"Jane@Example.com\n{address_hash}; c@test.org,\n"
    page = browser.post(suppression(connection), {"do": "add", "add": typed})
    shown = browser.get(page.location)
    assert "3 people are on the list" in shown.text
    for email, suppressed in (("jane@example.com", True), ("B@test.org", True), ("d@test.org", False)):
        checked = browser.post(suppression(connection), {"do": "check", "email": email})
        assert ("Yes: this person is never sent." in checked.text) is suppressed
        assert checked.soup.select_one("#email")["value"] == email
    page = browser.post(suppression(connection), {"do": "remove", "remove": "b@test.org"})
    assert "2 people are on the list" in browser.get(page.location).text


def test_entries_that_are_no_addresses_are_named_and_nothing_is_lost(app, browser, connection):
    typed = "jane@example.com\nnonsense\n<img src=x>"
    page = browser.post(suppression(connection), {"do": "add", "add": typed})
    assert page.status == 422
    wrong = page.soup.select_one("#add-wrong").get_text()
    assert "3 of the entries are neither an e-mail address nor a SHA-256 hash." in wrong
    assert "“nonsense”" in wrong
    assert page.soup.select_one("#add").get_text() == typed
    assert app.suppression.show(connection.id, ADA).count == 0


@pytest.mark.parametrize(
    ("sent", "field", "message"),
    [
        ({"do": "add", "add": " \n"}, "add", "Give at least one address or hash."),
        ({"do": "remove", "remove": ""}, "remove", "Give at least one address or hash."),
        ({"do": "add", "add": "a@b.org\n" * 10_001}, "add", "At most 10000 entries."),
        ({"do": "check", "email": "nonsense"}, "email", "This is not one e-mail address."),
        ({"do": "check", "email": "x" * 400}, "email", "At most 320 characters."),
    ],
)
def test_what_is_wrong_with_the_list_of_people_is_told(browser, connection, sent, field, message):
    page = browser.post(suppression(connection), sent)
    assert page.status == 422
    assert message in page.soup.select_one(f"#{field}-wrong").get_text()


def test_an_empty_list_says_so(browser, connection):
    assert "Nobody is on the list" in browser.get(suppression(connection)).text


# Removing


def removal(connection) -> str:
    return f"connections/{connection.id}/remove"


def is_there(app, connection) -> bool:
    return app.stores.connections.find(connection.id) is not None


def test_a_connection_that_nothing_uses_is_removed_with_all_that_belongs_to_it(app, browser, connection):
    app.suppression.change(connection.id, SuppressionChange(add=["jane@example.com"]), ADA)
    asked = browser.get(removal(connection))
    assert "The key is removed from Key Vault." in asked.text
    assert "People stay on their lists in Autopilot." in asked.text
    page = browser.submit(asked, removal(connection))
    assert page.location == "/portal/connections"
    assert "The connection “Ours” was removed." in browser.get(page.location).text
    assert not is_there(app, connection)
    assert app.vault.secrets == {}


def test_each_export_is_removed_or_detached_as_decided(app, browser, connection):
    goes, stays = add_export(app, connection, "Goes"), add_export(app, connection, "Stays")
    page = browser.get(removal(connection))
    assert page.soup.select("input[checked]") == []
    decided = {f"decision-{goes}": "remove", f"decision-{stays}": "detach"}
    assert browser.submit(page, removal(connection), **decided).status == 303
    with pytest.raises(NotFound):
        app.stores.exports.get(goes)
    assert app.stores.exports.get(stays).record.connection_id is None


def test_exports_without_a_decision_are_named_and_nothing_happens(app, browser, connection):
    decided, undecided = add_export(app, connection, "Decided"), add_export(app, connection, HOSTILE)
    page = browser.post(
        removal(connection), {f"decision-{decided}": "detach", f"decision-{undecided}": "nonsense"}
    )
    assert page.status == 422
    [link] = page.soup.select("#errors a")
    assert link["href"] == f"#decision-{undecided}"
    assert page.soup.select_one(f"#decision-{decided}-detach").has_attr("checked")
    assert page.soup.select("main img") == []
    assert is_there(app, connection)
    assert app.stores.exports.get(decided).record.connection_id == connection.id


@pytest.mark.parametrize("decision", ["detach", "remove"])
def test_the_same_can_be_chosen_for_all_exports_at_once(app, browser, connection, decision):
    exports = [add_export(app, connection, name) for name in ("A", "B")]
    page = browser.post(removal(connection), {"do": f"{decision}-all"})
    assert page.status == 200
    assert [each["value"] for each in page.soup.select("input[type=radio][checked]")] == [decision, decision]
    assert is_there(app, connection)
    assert browser.submit(page, removal(connection)).status == 303
    assert [app.stores.exports.find(each) is None for each in exports] == [decision == "remove"] * 2


def test_a_running_export_keeps_its_connection_and_the_run_is_linked(app, browser, connection):
    export_id = add_export(app, connection, "Weekly", RunStatus.PROCESSING)
    run = Run(
        id="run-20260301T080000Z-1",
        export_id=export_id,
        export_name="Weekly",
        connection_id=connection.id,
        trigger=Trigger.ON_DEMAND,
        requested_by="Ada",
        status=RunStatus.PROCESSING,
        segments=(SegmentRun(name="vip", list_title="vip", snapshot_id="s1"),),
        created_at=START,
    )
    app.stores.runs.add(run.id, run)
    page = browser.post(removal(connection), {f"decision-{export_id}": "remove"})
    assert page.status == 409
    assert "The export 'Weekly' is running." in page.text
    assert page.links()["Open the run"] == f"/portal/runs/{run.id}"
    assert page.soup.select_one(f"#decision-{export_id}-remove").has_attr("checked")
    assert is_there(app, connection)


def test_a_run_that_still_uses_the_connection_is_linked(app, browser, connection):
    app.stores.lanes.take(connection.id, "run-20260301T080000Z-2", app.clock(), 60)
    page = browser.post(removal(connection), {"do": "remove"})
    assert page.status == 409
    assert page.links()["Open the run"] == "/portal/runs/run-20260301T080000Z-2"


def test_a_vault_that_keeps_the_key_keeps_the_connection(app, browser, connection):
    app.vault.keeps = True
    page = browser.post(removal(connection), {"do": "remove"})
    assert page.status == 503
    assert is_there(app, connection)


def test_a_secret_of_somebody_else_stays(app, browser):
    app.vault.secrets["theirs"] = KEY
    connection = add(app, secret_name="theirs")
    assert "it is yours" in browser.get(removal(connection)).text
    browser.post(removal(connection), {"do": "remove"})
    assert app.vault.secrets == {"theirs": KEY}


@pytest.mark.parametrize("language", ["es", "ro"])
def test_everything_is_said_in_the_readers_language(app, language):
    connection = add(app, shared_with="contributors")
    add_export(app, connection)
    english, reader = Browser(app), Browser(app, language=language)
    for part in ("", "/key", "/alerts", "/suppression", "/remove", "/lists"):
        address = f"connections/{connection.id}{part}"
        said = {line.strip() for line in english.get(address).soup.main.stripped_strings}
        here = {line.strip() for line in reader.get(address).soup.main.stripped_strings}
        same = {line for line in said & here if len(line) > 25}
        assert same <= {
            "Post to a channel when a webhook request is received",
            "ada@example.com",
            connection.consent.text,
        }
    assert Browser(app, Role.CONTRIBUTOR, language).get("connections").status == 200
