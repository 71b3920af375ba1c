"""What people do with a run in the portal: cancel, approve, refuse, repeat, send again who was left out."""

import pytest

from portal.web import CancelRun, DecideRun, StartRun
from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.run import Counts, Decision, RunStatus, Stage, Trigger
from shared.pipeline import places
from tests.fakes_stores import START
from tests.unit.portal_runs import RunDesk

USERS = [Role.ADMINISTRATOR, Role.CONTRIBUTOR]


@pytest.fixture
def desk() -> RunDesk:
    return RunDesk()


def send(desk: RunDesk, verb: str, role: Role = Role.CONTRIBUTOR):
    """Open the run's page and press the button."""
    browser, address = desk.browser(role), f"/portal/{desk.address}/{verb}"
    return browser.post(address, browser.get(desk.address).form(address))


@pytest.mark.parametrize("role", USERS)
def test_cancelling_is_confirmed_and_leads_back_to_the_run(desk, role):
    desk.put_to(RunStatus.PROCESSING, Stage.PUSHING, pushing_at=START)
    page = desk.browser(role).get(desk.address)
    confirming = page.soup.select_one("details.ask")
    assert confirming.summary.get_text() == "Cancel the run"
    assert "Whoever was sent by then stays on the list" in confirming.get_text()
    sent = send(desk, "cancel", role)
    assert sent.location == f"/portal/{desk.address}"
    assert sent.effects == [CancelRun(desk.run_id)]
    again = desk.browser(role).get(desk.address)
    assert "The run is being cancelled." in again.text
    assert again.soup.select_one("details.ask") is None


def test_what_has_not_sent_yet_is_cancelled_without_a_trace(desk):
    assert "Nothing was sent, and the lists stay as they are." in desk.browser().get(desk.address).text


def test_cancelling_what_has_ended_meanwhile_shows_how_it_ended(desk):
    browser, address = desk.browser(), f"{desk.address}/cancel"
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE)
    page = browser.post(address)
    assert page.status == 409
    assert "The run has ended already" in page.text
    assert "Everybody in the files is on the list." in page.text


@pytest.mark.parametrize("verb", ["cancel", "approve", "refuse", "retry", "repeat"])
def test_viewers_have_no_buttons_and_are_refused(desk, verb):
    desk.let_ask()
    browser = desk.browser(Role.VIEWER)
    assert browser.get(desk.address).soup.select("main form") == []
    page = browser.post(f"{desk.address}/{verb}", round="1")
    assert (page.status, page.effects) == (403, [])
    assert desk.run.approval.decision is desk.run.cancel_requested_by is None


def test_an_approval_shows_what_would_happen_and_until_when(desk):
    desk.let_ask()
    page = desk.browser(Role.CONTRIBUTOR).get(desk.address)
    asks = page.soup.select_one(".asks").get_text(" ", strip=True)
    for words in ("600 of the 1,000 people on the list of 'vip'", "600", "7", "100", "Mar 8, 2026, 8:00:00"):
        assert words in asks
    assert page.links()["Look at the rejected rows first"] == f"/portal/{desk.address}/rejects"
    assert page.soup.select_one("#live")["hx-trigger"] == "every 15s"
    seen = desk.browser(Role.VIEWER).get(desk.address)
    assert "600 of the 1,000" in seen.text
    assert "Look at the rejected rows first" not in seen.links()


@pytest.mark.parametrize(
    ("verb", "decision", "told"),
    [
        ("approve", Decision.APPROVED, "It was approved and begins anew"),
        ("refuse", Decision.REFUSED, "It was not approved and ends within seconds."),
    ],
)
def test_a_decision_goes_to_the_run_with_the_round_that_was_looked_at(desk, verb, decision, told):
    desk.let_ask(round_=3)
    page = send(desk, verb)
    assert page.effects == [DecideRun(desk.run_id, 3)]
    assert desk.run.approval.decision is decision
    shown = desk.browser().get(page.location)
    assert told in shown.text
    assert shown.soup.select_one(".asks") is None
    assert shown.soup.select_one("#live")["hx-trigger"] == "every 2s"


def test_a_decision_on_what_the_run_asks_no_more_shows_what_it_asks_now(desk):
    desk.let_ask()
    browser, address = desk.browser(), f"/portal/{desk.address}/approve"
    form = browser.get(desk.address).form(address)
    desk.let_ask(round_=2)
    page = browser.post(address, form)
    assert (page.status, page.effects) == (409, [])
    assert "Meanwhile the run asks for something else." in page.text
    assert page.form(address)["round"] == ["2"]
    assert desk.run.approval.decision is None


@pytest.mark.parametrize("round_", ["", "x", "0", "-1", "1e9", "9" * 5_000])
def test_a_decision_without_a_round_is_none(desk, round_):
    desk.let_ask()
    assert desk.browser().post(f"{desk.address}/approve", round=round_).status == 400
    assert desk.run.approval.decision is None


def test_a_contrary_decision_is_refused_with_whose_the_first_was(desk):
    desk.let_ask()
    send(desk, "approve")
    page = desk.browser().post(f"{desk.address}/refuse", round="1")
    assert page.status == 409
    assert "carlos@example.com" in page.text


def left_out(desk: RunDesk) -> None:
    """Two people were refused, and are kept for a retry."""
    counts = Counts(profiles=10, new=10, sent=8, refused=2)
    desk.put_to(
        RunStatus.SUCCESSFUL_WITH_REJECTS,
        Stage.DONE,
        pushing_at=START,
        counts=counts,
        rejected={"refused_by_destination": 2},
    )
    desk.state.write(places.retry_set(desk.run_id, "vip"), b"-")


@pytest.mark.parametrize("page", ["", "/rejects"])
@pytest.mark.parametrize("role", USERS)
def test_who_was_left_out_is_sent_again_by_a_run_of_its_own(desk, role, page):
    left_out(desk)
    browser, address = desk.browser(role), f"/portal/{desk.address}/retry"
    form = browser.get(f"{desk.address}{page}").form(address)
    [effect] = browser.post(address, form).effects
    assert isinstance(effect, StartRun)
    assert (effect.run.trigger, effect.run.retries) == (Trigger.RETRY, desk.run_id)
    assert browser.post(address, form).effects[0].run.id == effect.run.id
    assert browser.get(f"runs/{effect.run.id}").links()[desk.run_id] == f"/portal/{desk.address}"


def test_a_retry_of_nobody_says_so_on_the_runs_page(desk):
    left_out(desk)
    desk.state.remove([places.retry_set(desk.run_id, "vip")])
    page = send(desk, "retry")
    assert (page.status, page.effects) == (409, [])
    assert "Nobody is left to be sent again." in page.text


@pytest.mark.parametrize(
    "changes", [{"dry": True}, {"rejected": {"email_blank": 2}, "counts": Counts()}, {"pushing_at": None}]
)
def test_rows_that_are_wrong_in_the_file_are_not_offered_again(desk, changes):
    left_out(desk)
    desk.put(**changes)
    assert "Send again" not in desk.browser().get(desk.address).text


def test_a_run_is_repeated_as_it_was_and_for_real(desk):
    desk.put_to(RunStatus.FAILED, Stage.DONE, full=True)
    [effect] = send(desk, "repeat").effects
    assert (effect.run.full, effect.run.dry) == (True, False)
    assert [each.name for each in effect.run.segments] == ["vip", "churn"]


def test_a_run_of_an_export_that_carries_other_segments_now_cannot_be_repeated(desk):
    desk.put_to(RunStatus.FAILED, Stage.DONE)
    export = desk.stores.exports.get("export-1").record
    desk.edit(segments=export.segments[1:])
    page = send(desk, "repeat")
    assert (page.status, page.effects) == (409, [])
    assert "vip" in page.text


def test_a_connection_for_administrators_is_theirs_to_decide_upon():
    desk = RunDesk(Sharing.ADMINISTRATORS)
    desk.let_ask()
    page = desk.browser(Role.CONTRIBUTOR).get(desk.address)
    assert page.soup.select("main form") == []
    assert desk.browser(Role.CONTRIBUTOR).post(f"{desk.address}/approve", round="1").status == 403
    assert send(desk, "approve", Role.ADMINISTRATOR).effects == [DecideRun(desk.run_id, 1)]
