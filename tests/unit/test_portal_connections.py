"""The pages of connections: who sees what, and what they change."""

import re

import pytest

from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.errors import Unavailable
from shared.domain.export import Export, SegmentChoice
from shared.domain.identifiers import new_id
from shared.domain.run import RunStatus, Trigger
from shared.domain.standing import LastRun, Standing
from shared.usecases.connections.forms import NewConnection
from tests.fakes_stores import START
from tests.unit.portal_client import PEOPLE, Browser, Page, make_app

KEY = "right-key"
ADA = PEOPLE[Role.ADMINISTRATOR]
OTHERS = (Role.CONTRIBUTOR, Role.VIEWER)
CONSENT = {"agreed": True, "version": "1"}
HOSTILE = '<img src=x onerror=alert(1)> \u202eevil "quotes" ' + "x" * 140


@pytest.fixture
def app():
    return make_app()


@pytest.fixture
def browser(app) -> Browser:
    return Browser(app)


def add(app, name="Ours", **wanted: object):
    given = {"display_name": name, "consent": CONSENT, **wanted}
    if "secret_name" not in given:
        given = {"api_key": KEY, **given}
    return app.connections.add(NewConnection.model_validate(given), ADA)


def add_export(app, connection, name="Weekly", status: RunStatus | None = None) -> str:
    export_id = new_id("export")
    export = Export(
        id=export_id,
        name=name,
        connection_id=connection.id,
        email_column="EMail",
        segments=(SegmentChoice(name="vip"),),
        created_at=START,
        updated_at=START,
    )
    app.stores.exports.add(export_id, export)
    if status:
        last = LastRun(
            id=f"run-{export_id}",
            status=status,
            trigger=Trigger.ON_DEMAND,
            requested_by="Ada",
            created_at=START,
        )
        app.stores.standings.upsert(export_id, lambda _none: Standing(subject=export_id, last_run=last))
    return export_id


def stored(app, connection_id: str):
    return app.stores.connections.get(connection_id).record


def only_connection(app):
    [connection] = app.stores.connections.all()
    return connection


def fill_in(page: Page, **changes: object) -> dict[str, object]:
    """Return what somebody sends who fills in the whole form of a new connection."""
    typed = {"display-name": "Newsletter", "api-key": KEY, "agree": "yes", "do": "save"}
    return {**page.form(), **typed, **changes}


# The list


def test_administrators_see_everything_of_connections_but_the_key(app, browser):
    used, broken = add(app, "Used"), add(app, "Broken", api_key="wrong-key", shared_with="contributors")
    for each in (used, broken):
        app.connections.connect(each.id, ADA)
    add_export(app, used)
    page = browser.get("connections")
    assert page.status == 200
    rows = [
        [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])]
        for row in page.soup.select("tbody tr")
    ]
    assert [row[0] for row in rows] == ["Broken", "Used"]
    assert "Needs attention" in rows[0][2]
    assert rows[0][3] == "Administrators and contributors"
    assert "Connected" in rows[1][2]
    assert "The key is valid as 'The account'; 0 lists were found." in rows[1][2]
    assert rows[1][4] == "1"
    assert f"/portal/exports?connection={used.id}" in [link["href"] for link in page.soup.select("tbody a")]
    assert KEY not in page.text


def test_the_list_is_sorted_as_wanted(app, browser):
    for name in ("B", "C", "A"):
        add(app, name)
    page = browser.get("connections?sort=-name")
    assert [link.get_text() for link in page.soup.select("tbody th a")] == ["C", "B", "A"]
    assert page.soup.select_one("th[aria-sort=descending]").get_text(strip=True).startswith("Display name")
    assert browser.get("connections?sort=nonsense").status == 400


def test_a_long_list_has_pages(app, browser):
    for number in range(52):
        add(app, f"Connection {number:02}")
    first = browser.get("connections")
    assert len(first.soup.select("tbody tr")) == 50
    second = browser.get(first.links()["Next page"])
    assert [link.get_text() for link in second.soup.select("tbody th a")] == [
        "Connection 50",
        "Connection 51",
    ]


def test_administrators_get_to_the_audit_log_erasures_and_health_from_the_list(browser):
    links = browser.get("connections").links()
    assert [links[name] for name in ("Audit log", "Erasures", "Health", "Add connection")] == [
        "/portal/audit",
        "/portal/erasures",
        "/portal/health",
        "/portal/connections/new",
    ]


def test_contributors_see_name_and_type_of_shared_connections_and_whom_to_ask(app):
    add(app, "Secret plans")
    shared = add(app, "Shared", shared_with=Sharing.CONTRIBUTORS)
    page = Browser(app, Role.CONTRIBUTOR).get("connections")
    assert [row.get_text(" ", strip=True) for row in page.soup.select("tbody tr")] == [
        "Shared Autopilot Add export"
    ]
    assert page.links()["Add export"] == f"/portal/exports/new?connection={shared.id}"
    assert "Contact an administrator" in page.text
    assert "Secret plans" not in page.text
    assert "Audit log" not in page.links()


def test_contributors_to_whom_nothing_is_shared_learn_whom_to_ask(app):
    add(app)
    page = Browser(app, Role.CONTRIBUTOR).get("connections")
    assert "No connection is shared with contributors yet." in page.text
    assert "Contact an administrator" in page.text


def test_connections_are_nothing_for_viewers(app):
    connection = add(app, shared_with=Sharing.CONTRIBUTORS)
    for path in ("connections", f"connections/{connection.id}", f"connections/{connection.id}/lists"):
        page = Browser(app, Role.VIEWER).get(path)
        assert (page.status, page.title) == (403, "You may not do this")


@pytest.mark.parametrize("role", OTHERS)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "path",
    [
        "connections/new",
        "connections/{id}/key",
        "connections/{id}/alerts",
        "connections/{id}/suppression",
        "connections/{id}/remove",
    ],
)
def test_pages_that_change_connections_are_for_administrators(app, role, path, method):
    connection = add(app, shared_with=Sharing.CONTRIBUTORS)
    before = stored(app, connection.id)
    page = getattr(Browser(app, role), method)(path.replace("{id}", connection.id))
    assert page.status == 403
    assert stored(app, connection.id) == before
    assert only_connection(app) == before


@pytest.mark.parametrize("role", OTHERS)
@pytest.mark.parametrize("do", ["save", "connect", "add-export-user", "remove-export-user"])
def test_only_administrators_change_a_connection(app, role, do):
    connection = add(app, shared_with=Sharing.CONTRIBUTORS)
    before = stored(app, connection.id)
    page = Browser(app, role).post(
        f"connections/{connection.id}", {"do": do, "display-name": "Mine", "version": "*"}
    )
    assert page.status == 403
    assert stored(app, connection.id) == before


# One connection


def test_a_connection_shows_what_was_found_who_agreed_and_what_uses_it(app, browser):
    connection = app.connections.connect(add(app).id, ADA)
    export_id = add_export(app, connection, "Weekly news", RunStatus.SUCCESSFUL)
    page = browser.get(f"connections/{connection.id}")
    assert page.title == "Ours Connected"
    assert "The key is valid as 'The account'" in page.text
    assert connection.consent.text in page.text
    assert page.soup.blockquote["lang"] == "en"
    assert page.links()["Weekly news"] == f"/portal/exports/{export_id}"
    assert KEY not in page.body.decode()


def test_contributors_see_name_and_type_of_a_shared_connection(app):
    app.destinations["autopilot"].create_list("VIP <b>")
    connection = app.connections.connect(add(app, shared_with=Sharing.CONTRIBUTORS).id, ADA)
    contributor = Browser(app, Role.CONTRIBUTOR)
    page = contributor.get(f"connections/{connection.id}")
    assert page.title == "Ours"
    assert page.soup.select("main form") == []
    assert "The account" not in page.text
    assert "ada@example.com" not in page.text
    lists = contributor.get(page.links()["Lists in Autopilot"])
    assert [row.get_text(" ", strip=True) for row in lists.soup.select("tbody tr")] == ["VIP <b> list-1"]


def test_contributors_do_not_see_a_connection_that_is_not_shared(app):
    connection = add(app)
    page = Browser(app, Role.CONTRIBUTOR).get(f"connections/{connection.id}")
    assert page.status == 403
    assert page.title == "You may not do this"


def test_a_connection_that_is_not_there_is_not_found(browser):
    for path in ("", "/key", "/alerts", "/suppression", "/remove", "/lists"):
        assert browser.get(f"connections/connection-none{path}").status == 404


def test_lists_that_cannot_be_had_are_told_with_the_reason(app, browser):
    connection = add(app)
    app.destinations["autopilot"].faults["lists"] = [
        Unavailable("Autopilot does not answer.", remedy="Wait.")
    ]
    page = browser.get(f"connections/{connection.id}/lists")
    assert page.status == 200
    assert "Autopilot does not answer." in page.soup.select_one("#lists .notice.bad").get_text()


def test_name_sharing_and_limits_are_edited(app, browser):
    connection = add(app)
    page = browser.get(f"connections/{connection.id}")
    sent = {
        **_edit_form(page),
        "display-name": "Renamed",
        "shared-with": "contributors",
        "max-profiles": "500",
        "max-calls": "2.5",
    }
    assert (
        browser.post(f"connections/{connection.id}", sent).location == f"/portal/connections/{connection.id}"
    )
    edited = stored(app, connection.id)
    assert (edited.display_name, edited.shared_with, edited.max_profiles_per_run, edited.max_calls_per_s) == (
        "Renamed",
        Sharing.CONTRIBUTORS,
        500,
        2.5,
    )
    again = browser.get(f"connections/{connection.id}")
    assert "Saved “Renamed”." in again.text
    cleared = {**_edit_form(again), "max-profiles": "", "max-calls": "", "do": "save"}
    browser.post(f"connections/{connection.id}", cleared)
    assert stored(app, connection.id).max_profiles_per_run is None


def _edit_form(page: Page) -> dict[str, object]:
    """Return what the edit form would send as it stands."""
    form = page.soup.select_one("form#edit")
    sent: dict[str, object] = {"do": "save"}
    for control in form.select("input"):
        if control["type"] != "radio" or control.has_attr("checked"):
            sent[control["name"]] = control.get("value", "")
    return sent


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("display-name", "", "Give the connection a name."),
        ("display-name", "x" * 201, "At most 200 characters."),
        ("shared-with", "everybody", "Choose one of the values that are offered."),
        ("max-profiles", "0", "Give a number above 0."),
        ("max-profiles", "many", "Give a whole number."),
        (
            "max-profiles",
            "100001",
            "A connection may lower the limit of 100,000 profiles per run, not raise it.",
        ),
        ("max-calls", "-1", "Give a number of at least 0."),
    ],
)
def test_what_is_wrong_with_an_edit_is_told_beside_its_field(app, browser, field, value, message):
    connection = add(app)
    before = stored(app, connection.id)
    sent = {**_edit_form(browser.get(f"connections/{connection.id}")), "display-name": "Other", field: value}
    page = browser.post(f"connections/{connection.id}", sent)
    assert page.status == 422
    assert message in page.soup.select_one("#errors").get_text()
    assert message in page.soup.select_one(f"#{field}-wrong").get_text()
    if field != "shared-with":
        assert page.soup.select_one(f"#{field}")["value"] == value
    assert stored(app, connection.id) == before


def test_an_edit_of_an_older_version_keeps_what_was_typed_and_shows_what_changed(app, browser):
    connection = add(app)
    mine = {**_edit_form(browser.get(f"connections/{connection.id}")), "display-name": "Mine"}
    theirs = {**mine, "display-name": "Theirs", "shared-with": "contributors"}
    browser.post(f"connections/{connection.id}", theirs)
    page = browser.post(f"connections/{connection.id}", mine)
    assert page.status == 412
    told = page.soup.select_one(".notice.warn").get_text(" ", strip=True)
    assert "Display name: Theirs" in told
    assert "Who can use it: Administrators and contributors" in told
    assert _edit_form(page)["display-name"] == "Mine"
    assert stored(app, connection.id).display_name == "Theirs"
    assert browser.post(f"connections/{connection.id}", _edit_form(page)).status == 303
    assert stored(app, connection.id).display_name == "Mine"


def test_the_key_is_tried_again_when_somebody_wants(app, browser):
    connection = add(app, api_key="wrong-key")
    browser.post(f"connections/{connection.id}", {"do": "connect"})
    page = browser.get(f"connections/{connection.id}")
    assert page.title == "Ours Needs attention"
    assert "It does not work." in page.text
    app.vault.secrets[connection.secret_name] = KEY
    browser.post(f"connections/{connection.id}", {"do": "connect"})
    assert browser.get(f"connections/{connection.id}").title == "Ours Connected"


def test_the_export_user_is_removed_and_added(app, browser):
    connection = add(app)
    browser.post(f"connections/{connection.id}", {"do": "remove-export-user"})
    assert stored(app, connection.id).export_user is None
    assert "Nobody" in browser.get(f"connections/{connection.id}").text
    browser.post(f"connections/{connection.id}", {"do": "add-export-user"})
    assert stored(app, connection.id).export_user.name == "ada@example.com"


# Another key


def test_a_new_key_is_tried_and_takes_the_place_of_the_old_one(app, browser):
    connection = add(app, api_key="old-key")
    page = browser.submit(
        browser.get(f"connections/{connection.id}/key"),
        f"connections/{connection.id}/key",
        **{"api-key": KEY},
    )
    assert page.location == f"/portal/connections/{connection.id}"
    assert app.vault.secrets == {connection.secret_name: KEY}
    assert "The key was replaced." in browser.get(page.location).text


def test_a_new_key_that_is_refused_changes_nothing_and_is_not_shown_again(app, browser):
    connection = app.connections.connect(add(app).id, ADA)
    path = f"connections/{connection.id}/key"
    page = browser.post(path, {"key-source": "typed", "api-key": "wrong-key"})
    assert page.status == 422
    assert (
        "The new key was not stored, since it does not work."
        in page.soup.select_one("#api-key-wrong").get_text()
    )
    assert "wrong-key" not in page.body.decode()
    assert app.vault.secrets == {connection.secret_name: KEY}


def test_a_new_key_that_cannot_be_tried_is_stored(app, browser):
    connection = add(app)
    app.destinations["autopilot"].faults["check"] = [Unavailable("It does not answer.")]
    page = browser.post(f"connections/{connection.id}/key", {"api-key": "new-key"})
    assert "could not be tried yet" in browser.get(page.location).text
    assert app.vault.secrets == {connection.secret_name: "new-key"}


@pytest.mark.parametrize(
    ("sent", "field", "message"),
    [
        ({"key-source": "typed", "api-key": " "}, "api-key", "Type the API key."),
        ({"key-source": "typed", "api-key": "clé"}, "api-key", "The API key is blank or contains characters"),
        ({"key-source": "vault", "secret-name": ""}, "secret-name", "Choose a secret."),
        ({"key-source": "vault", "secret-name": "gone"}, "secret-name", "There is no secret 'gone'."),
        ({"key-source": "vault", "secret-name": "segpilot-x"}, "secret-name", "are Segpilot's own"),
    ],
)
def test_what_is_wrong_with_a_new_key_is_told_beside_its_field(app, browser, sent, field, message):
    connection = add(app)
    app.vault.secrets["theirs"] = KEY
    before = stored(app, connection.id)
    page = browser.post(f"connections/{connection.id}/key", sent)
    assert page.status == 422
    assert message in page.soup.select_one(f"#{field}-wrong").get_text()
    assert stored(app, connection.id) == before


def test_a_typed_key_gives_way_to_a_secret_and_not_back(app, browser):
    app.vault.secrets["theirs"] = KEY
    connection = add(app)
    path = f"connections/{connection.id}/key"
    offered = browser.get(path).soup.select_one("#secret-name")
    assert [option["value"] for option in offered.find_all("option")] == ["", "theirs"]
    assert browser.post(path, {"key-source": "vault", "secret-name": "theirs"}).status == 303
    assert app.vault.secrets == {"theirs": KEY}
    page = browser.get(path)
    assert page.soup.select_one("#api-key") is None
    assert "theirs" in page.text
    refused = browser.post(path, {"key-source": "typed", "api-key": KEY})
    assert refused.status == 422
    assert stored(app, connection.id).secret_name == "theirs"


def test_a_vault_that_is_away_is_told_and_nothing_changes(app, browser):
    connection = add(app)
    app.vault.silent = True
    path = f"connections/{connection.id}/key"
    assert "The vault cannot be reached." in browser.get(path).text
    page = browser.post(path, {"key-source": "typed", "api-key": KEY})
    assert page.status == 503
    assert KEY not in page.body.decode()


# Hostile names, languages


def test_names_are_shown_as_text_wherever_they_are(app, browser):
    app.vault.secrets["theirs"] = KEY
    connection = app.connections.connect(add(app, HOSTILE, shared_with=Sharing.CONTRIBUTORS).id, ADA)
    app.destinations["autopilot"].create_list(HOSTILE * 50)
    add_export(app, connection, HOSTILE, RunStatus.PROCESSING)
    for path in ("", "/key", "/alerts", "/suppression", "/remove", "/lists"):
        page = browser.get(f"connections/{connection.id}{path}")
        assert page.status == 200
        assert page.soup.select("main img") == []
        assert HOSTILE.strip()[:60] in page.text or " ".join(HOSTILE.split())[:60] in page.text
    for role in (Role.ADMINISTRATOR, Role.CONTRIBUTOR):
        assert Browser(app, role).get("connections").soup.select("main img") == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "es",
            [
                "Nombre para mostrar",
                "Quién puede utilizar",
                "Acepto",
                "Conectar",
                "Agregarse como usuario de exportación",
                "Guardar",
            ],
        ),
        (
            "ro",
            [
                "Nume afișat",
                "Cine poate utiliza",
                "Sunt de acord",
                "Conectați",
                "Adăugați-vă ca utilizator de export",
                "Salvare",
            ],
        ),
    ],
)
def test_the_steps_have_the_words_of_the_readers_language(app, language, words):
    page = Browser(app, language=language).get("connections/new")
    assert [word for word in words if word not in page.text] == []
    assert page.soup.select_one("#agreement")["lang"] == language
    assert not re.search(r"\b(Select|Choose|Type the|Save)\b", page.soup.main.get_text())
