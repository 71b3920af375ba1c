"""What administrators look after: the audit log, erasures, health."""

import re
from pathlib import Path

import pytest

from portal.audit_words import action_words
from portal.web import StartErasure
from shared.domain.access import Role
from shared.domain.erasure import Erasure, ErasureResult, ErasureStatus
from shared.domain.errors import Forbidden, StorageUnavailable
from tests.fakes_stores import START
from tests.unit.portal_client import PEOPLE, Browser, make_app
from tests.unit.test_portal_connections import add

SHARED = Path(__file__).parents[2] / "shared"
SITE = SHARED.parent / "portal" / "site.py"
ADDRESS = "jane@example.org"


@pytest.fixture
def app():
    return make_app()


@pytest.fixture
def browser(app) -> Browser:
    return Browser(app)


def rows(page) -> list[str]:
    return [" ".join(row.get_text(" ").split()) for row in page.soup.select("tbody tr")]


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.VIEWER])
@pytest.mark.parametrize("path", ["audit", "erasures", "erasures/new", "erasures/erasure-1", "health"])
def test_administration_is_for_administrators(app, role, path):
    page = Browser(app, role).get(path)
    assert (page.status, page.title) == (403, "You may not do this")


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.VIEWER])
def test_only_administrators_erase(app, role):
    page = Browser(app, role).post("erasures/new", {"email": ADDRESS, "sure": "yes"})
    assert (page.status, page.effects) == (403, [])
    assert list(app.stores.erasures.all()) == []


# Audit


def test_the_audit_log_shows_today_newest_first_in_words(app, browser):
    connection = add(app, "Ours")
    app.clock.advance(60)
    with pytest.raises(Forbidden):
        app.connections.connect(connection.id, PEOPLE[Role.CONTRIBUTOR])
    page = browser.get("audit")
    refused, added = rows(page)
    assert "Connection checked" in refused
    assert "Refused forbidden" in refused
    assert "carlos@example.com contributor" in refused
    assert "Connection added" in added
    assert "Done" in added
    assert page.links()[connection.id] == f"/portal/connections/{connection.id}"
    assert page.soup.select_one("#day")["value"] == "2026-03-01"


def test_another_day_is_chosen_and_the_future_is_not_offered(app, browser):
    add(app)
    links = browser.get("audit").links()
    assert "The day after" not in links
    before = browser.get(links["The day before"])
    assert "Nothing was changed on this day." in before.text
    assert before.links()["The day after"] == "/portal/audit?day=2026-03-01"


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "<b>"])
def test_a_day_that_is_none_is_told(browser, day):
    page = browser.get(f"audit?day={day}")
    assert page.status == 422
    assert "a date such as 2026-03-01." in page.soup.select_one("#day-wrong").get_text()


def test_a_long_day_is_shown_in_two_portions(app, browser):
    for _ in range(101):
        with app.journal.audited(PEOPLE[Role.ADMINISTRATOR], "connection.edit", "connection-1"):
            pass
    page = browser.get("audit")
    assert len(rows(page)) == 100
    whole = browser.get(page.links()["Show more of this day"])
    assert len(rows(whole)) == 101
    assert "Show more of this day" not in whole.links()


def test_details_are_shown_as_text_and_what_says_nothing_is_left_out(app, browser):
    with app.journal.audited(PEOPLE[Role.ADMINISTRATOR], "thing.verb", "<img src=x>") as details:
        details |= {
            "changed": ["a", "b"],
            "ok": False,
            "full": True,
            "dry": False,
            "decisions": {"export-1": "<i>remove"},
        }
    page = browser.get("audit")
    [row] = rows(page)
    assert "thing.verb" in row
    assert "changed a, b ok No full Yes decisions export-1: <i>remove" in row
    assert "dry" not in row
    assert page.soup.select("main img") == []


def test_every_action_of_the_audit_log_has_words():
    kinds = "|".join(sorted({action.partition(".")[0] for action in action_words()}))
    used = set()
    for path in (*SHARED.glob("usecases/**/*.py"), *SHARED.glob("pipeline/erasure/*.py"), SITE):
        used |= set(re.findall(rf'"((?:{kinds})\.[a-z_.]+)"', path.read_text("utf-8")))
    assert used - action_words().keys() == set()
    assert action_words().keys() - used == set()


# Erasures


def test_an_erasure_is_asked_for_and_given_to_the_orchestration(app, browser):
    page = browser.get("erasures/new")
    assert "What Segpilot cannot do" in page.text
    assert page.form()["suppress"] == ["yes"]
    assert page.form()["everywhere"] == page.form()["sure"] == []
    sent = browser.submit(page, "erasures/new", email=f" {ADDRESS} ", sure="yes", everywhere="yes")
    [erasure] = app.stores.erasures.all()
    assert sent.location == f"/portal/erasures/{erasure.id}"
    [effect] = sent.effects
    assert isinstance(effect, StartErasure)
    assert (effect.erasure_id, effect.wanted.email, effect.wanted.suppress, effect.wanted.everywhere) == (
        erasure.id,
        ADDRESS,
        True,
        True,
    )
    for path in (sent.location, "erasures", "audit"):
        assert ADDRESS not in browser.get(path).body.decode()
    assert ADDRESS not in repr(effect)


@pytest.mark.parametrize(
    ("sent", "field", "message"),
    [
        ({"email": "", "sure": "yes"}, "email", "Give the e-mail address of the person."),
        (
            {"email": "nonsense", "sure": "yes"},
            "email",
            "This is not an e-mail address that could have been sent",
        ),
        ({"email": "x" * 1_001, "sure": "yes"}, "email", "At most 1000 characters."),
        ({"email": ADDRESS}, "sure", "Confirm that this person is to be erased."),
    ],
)
def test_what_keeps_an_erasure_from_beginning_is_told(app, browser, sent, field, message):
    page = browser.post("erasures/new", {"everywhere": "yes", **sent})
    assert page.status == 422
    assert message in page.soup.select_one(f"#{field}-wrong").get_text()
    assert page.soup.select_one("#email")["value"] == sent["email"]
    assert page.form()["everywhere"] == ["yes"]
    assert page.form()["suppress"] == []
    assert page.effects == []
    assert list(app.stores.erasures.all()) == []


def test_a_receipt_is_followed_until_it_has_ended(app, browser):
    erasure = Erasure(id="erasure-20260301T080000Z-1", requested_by="Ada", requested_at=START)
    app.stores.erasures.add(erasure.id, erasure)
    page = browser.get(f"erasures/{erasure.id}")
    assert page.soup.select_one("#receipt")["hx-trigger"] == "every 2s"
    app.stores.erasures.change(
        erasure.id,
        lambda present: present.model_copy(
            update={
                "status": ErasureStatus.FAILED,
                "suppressed": True,
                "ended_at": START,
                "connections": (
                    ErasureResult(connection_id="connection-1", connection_name="<b>Ours", contact="deleted"),
                    ErasureResult(
                        connection_id="connection-2",
                        connection_name="Other",
                        contact="failed",
                        message="Refused.",
                    ),
                ),
                "traces": {"ledger rows": 1_200},
                "problem": "It was interrupted. Ask for it again: what is done already is not lost.",
            }
        ),
    )
    page = browser.get(f"erasures/{erasure.id}")
    assert not page.soup.select_one("#receipt").has_attr("hx-trigger")
    assert rows(page) == ["<b>Ours Contact deleted", "Other Failed Refused.", "Rows of ledgers 1,200"]
    assert "It was interrupted." in page.text
    assert "ask for the erasure again" in page.text


def test_receipts_are_listed_newest_first_in_pages(app, browser):
    assert "Nobody has asked to be forgotten yet." in browser.get("erasures").text
    for minute in range(52):
        erasure_id = f"erasure-20260301T08{minute:02}00Z-1"
        app.stores.erasures.add(erasure_id, Erasure(id=erasure_id, requested_by="Ada", requested_at=START))
    page = browser.get("erasures")
    assert len(rows(page)) == 50
    assert rows(page)[0].startswith("erasure-20260301T085100Z-1")
    assert len(rows(browser.get(page.links()["Next page"]))) == 2


def test_a_receipt_that_is_not_there_is_not_found(browser):
    assert browser.get("erasures/erasure-none").status == 404


# Health


def test_health_shows_each_part(app, browser):
    page = browser.get("health")
    assert rows(page) == [
        "Tables Answers",
        "Segment container Answers",
        "State container Answers",
        "Key Vault Answers",
        "Autopilot Answers",
    ]
    assert "Everything that Segpilot depends on answers." in page.soup.select_one("#health-line").get_text()


def test_what_does_not_answer_is_told_with_what_to_do(app, browser):
    app.vault.silent = True

    def fail() -> None:
        raise StorageUnavailable("Storage does not answer.", remedy="Look at the storage account.")

    app.state_blobs.ping = fail
    page = browser.get("health")
    assert page.status == 200
    assert "2 parts do not answer." in page.soup.select_one("#health-line").get_text()
    assert "Key Vault Does not answer The vault cannot be reached. Try again later." in rows(page)
    assert "State container Does not answer Storage does not answer. Look at the storage account." in rows(
        page
    )


@pytest.mark.parametrize(("language", "title"), [("es", "Registro de auditoría"), ("ro", "Jurnal de audit")])
def test_administration_speaks_the_readers_language(app, language, title):
    browser = Browser(app, language=language)
    assert browser.get("audit").title == title
    for path in ("erasures", "erasures/new", "health"):
        page = browser.get(path)
        assert not re.search(r"\b(Erase|Erasures|Health|Answers|Nobody|What)\b", page.soup.main.get_text())
