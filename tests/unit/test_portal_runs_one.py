"""The page of one run in the portal, in each of its states."""

import json

import pytest

from portal.web import StartRun
from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.errors import StorageUnavailable
from shared.domain.run import Counts, Estimate, Failure, RunStatus, SegmentRun, Stage
from shared.domain.standing import Standing
from shared.pipeline import places
from tests.fakes_stores import START
from tests.unit.portal_runs import HOSTILE, RunDesk, numbers_of


@pytest.fixture
def desk() -> RunDesk:
    return RunDesk()


def told(page) -> str:
    return page.soup.select_one(".told").get_text(strip=True)


def buttons(page) -> list[str]:
    return [button.get_text(strip=True) for button in page.soup.select("main button")]


@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        (Stage.WAITING, "It begins as soon as no other run uses the connection."),
        (Stage.STAGING, "The files are being read and compared with the lists."),
        (Stage.PUSHING, "New and changed people are being sent to Autopilot."),
        (Stage.REMOVING, "People who have left the segment are being taken off their lists."),
        (Stage.FINISHING, "What was answered is being written down."),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_a_run_that_goes_on_says_what_it_does_and_renews_itself(desk, role, stage, sentence):
    desk.put_to(RunStatus.PROCESSING, stage)
    page = desk.browser(role).get(desk.address)
    assert (page.title, told(page)) == ("Weekly", sentence)
    assert page.soup.select_one("#live")["hx-trigger"] == "every 2s"
    assert page.soup.select_one("#live progress") is not None
    assert buttons(page) == ([] if role is Role.VIEWER else ["Yes, cancel the run"])


def test_a_run_that_reads_names_the_segment(desk):
    desk.put_to(RunStatus.PROCESSING, Stage.STAGING)
    steps = desk.run.steps
    desk.put(steps=(steps[0].model_copy(update={"segment": "churn"}),))
    assert "“churn”" in told(desk.browser().get(desk.address))


def test_a_run_that_sends_shows_how_many_how_fast_and_how_long_still(desk):
    desk.put_to(
        RunStatus.PROCESSING,
        Stage.PUSHING,
        pushing_at=START,
        counts=Counts(profiles=5_000, new=3_000, changed=1_000, unchanged=1_000, leavers=20, calls=3),
    )
    desk.stores.runs.report(desk.run_id, "push vip 0", Counts(sent=990, refused=10, calls=10))
    desk.clock.advance(100)
    page = desk.browser().get(desk.address)
    assert page.soup.title.get_text(strip=True).startswith("25% · Weekly")
    assert (page.soup.progress["value"], page.soup.progress["max"]) == ("1000", "4000")
    assert "1,000 of 4,000 people sent · 10 people a second · about 5 minutes left" in page.text
    wanted = {
        "Sent": "990",
        "Unchanged": "1,000",
        "Refused by Autopilot": "10",
        "Taken off their lists": "0",
        "Calls to Autopilot": "13",
    }
    assert numbers_of(page, wanted) == wanted


def test_a_slow_run_tells_its_pace_by_the_minute(desk):
    desk.put_to(RunStatus.PROCESSING, Stage.PUSHING, counts=Counts(profiles=100, new=100))
    desk.stores.runs.report(desk.run_id, "push vip 0", Counts(sent=1))
    desk.clock.advance(30)
    assert "2 people a minute" in desk.browser().get(desk.address).text


def test_almost_all_is_not_all(desk):
    desk.put_to(RunStatus.PROCESSING, Stage.PUSHING, counts=Counts(profiles=1_000, new=1_000))
    desk.stores.runs.report(desk.run_id, "push vip 0", Counts(sent=999))
    assert desk.browser().get(desk.address).soup.title.get_text(strip=True).startswith("99%")


def test_a_run_that_takes_people_off_shows_how_far_that_is(desk):
    desk.put_to(
        RunStatus.PROCESSING, Stage.REMOVING, counts=Counts(profiles=10, new=10, leavers=40), pushing_at=START
    )
    desk.stores.runs.report(desk.run_id, "remove vip 0", Counts(removed=10))
    page = desk.browser().get(desk.address)
    assert "10 of 40 people taken off" in page.text
    assert numbers_of(page, ["Taken off their lists"]) == {"Taken off their lists": "10"}


def test_while_only_numbers_change_nothing_else_of_an_open_page_is_renewed(desk):
    desk.put_to(RunStatus.PROCESSING, Stage.PUSHING, counts=Counts(profiles=10, new=10))
    browser = desk.browser()
    live = browser.get(desk.address).soup.select_one("#live")
    parts = [part.removeprefix("#").partition(":")[0] for part in live["hx-select-oob"].split(",")]
    desk.stores.runs.report(desk.run_id, "push vip 0", Counts(sent=5))
    same = browser.get(live["hx-get"], live=True)
    assert "5 of 10" in same.soup.select_one("#live").get_text(" ")
    assert [same.soup.find(id=part) for part in parts] == [None] * 4
    desk.put(cancel_requested_by="Ada")
    changed = browser.get(live["hx-get"], live=True)
    assert None not in [changed.soup.find(id=part) for part in parts]
    assert changed.soup.find(id="told")["role"] == "status"
    assert "being cancelled" in told(changed)


def test_an_open_page_stays_as_it_is_while_storage_is_away(desk):
    def fail(run_id: str) -> None:
        raise StorageUnavailable("Storage cannot be reached.")

    desk.stores.runs.get = fail
    page = desk.browser().get(desk.address, live=True)
    assert (page.status, page.body) == (204, b"")
    assert desk.browser().get(desk.address).status == 503


@pytest.mark.parametrize(
    ("status", "changes", "sentence"),
    [
        (RunStatus.SUCCESSFUL, {}, "Everybody in the files is on the list."),
        (
            RunStatus.SUCCESSFUL,
            {"rejected": {"suppressed": 1}},
            "Everybody in the files who may be sent is on the list.",
        ),
        (
            RunStatus.SUCCESSFUL,
            {"retries": "run-20260101T000000Z-1"},
            "Everybody who had been left out has been sent now.",
        ),
        (
            RunStatus.SUCCESSFUL_WITH_REJECTS,
            {"rejected": {"email_blank": 2, "no_consent": 9}},
            "Everybody is on the list except for 2 rows that were rejected.",
        ),
        (RunStatus.FAILED, {}, "The run failed before anything was sent. The lists are as they were."),
        (
            RunStatus.FAILED,
            {"pushing_at": START},
            "The run failed on its way. What had been sent by then stays sent.",
        ),
        (
            RunStatus.CANCELED,
            {},
            "The run was cancelled before anything was sent. The lists are as they were.",
        ),
        (
            RunStatus.CANCELED,
            {"pushing_at": START},
            "The run was cancelled. What had been sent by then stays sent.",
        ),
        (
            RunStatus.SKIPPED,
            {},
            "The run was skipped, since a newer file has taken the place of its own.",
        ),
        (RunStatus.SUCCESSFUL, {"dry": True}, "The dry run has ended. Nothing was sent."),
        (
            RunStatus.FAILED,
            {"dry": True},
            "The dry run failed. It would have sent nothing in any case.",
        ),
        (
            RunStatus.CANCELED,
            {"dry": True},
            "The dry run ended early. It would have sent nothing in any case.",
        ),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_a_run_that_has_ended_says_what_that_means_and_renews_itself_no_more(
    desk, role, status, changes, sentence
):
    desk.put_to(status, Stage.DONE, **changes)
    page = desk.browser(role).get(desk.address)
    assert told(page) == sentence
    assert not page.soup.select_one("#live").has_attr("hx-get")
    assert page.soup.progress is None
    if role is Role.VIEWER:
        assert buttons(page) == []


def test_who_was_not_reached_is_told_and_can_be_sent_again(desk):
    counts = Counts(profiles=100, new=90, unchanged=10, sent=30, refused=5)
    desk.put_to(
        RunStatus.CANCELED,
        Stage.DONE,
        pushing_at=START,
        counts=counts,
        rejected={"not_accepted": 5},
        warnings=("Ada cancelled the run.",),
    )
    page = desk.browser().get(desk.address)
    assert "55 people were not reached." in page.text
    assert numbers_of(page, ["Not reached"]) == {"Not reached": "55"}
    assert "Ada cancelled the run." in page.text
    assert "Send again who was left out" in buttons(page)


def test_a_failure_says_why_what_to_do_and_when_it_is_tried_again(desk):
    failure = Failure(code="unavailable", message="Autopilot did not answer.", remedy="Wait.", transient=True)
    desk.put_to(RunStatus.FAILED, Stage.DONE, failure=failure)
    browser = desk.browser()
    page = browser.get(desk.address)
    assert "Why it failed Autopilot did not answer. Wait. unavailable" in page.text
    assert "It is tried again by itself" not in page.text
    standing = Standing(subject="export-1", retry_run=desk.run_id, retry_at=START)
    desk.stores.standings.upsert("export-1", lambda present: standing)
    assert "It is tried again by itself: Mar 1, 2026, 8:00:00" in browser.get(desk.address).text


def test_a_failure_for_good_is_not_tried_again(desk):
    failure = Failure(code="over-limit", message="The run has too many profiles.")
    said = "Trying again would not help by itself, so the run is not repeated."
    desk.put_to(RunStatus.FAILED, Stage.DONE, failure=failure, warnings=(said,))
    page = desk.browser().get(desk.address)
    assert said in page.text
    assert "It is tried again by itself" not in page.text


def test_the_name_of_a_secret_is_not_told_to_contributors(desk):
    failure = Failure(code="secret-unavailable", message="There is no Key Vault secret 'theirs'.")
    desk.put_to(RunStatus.FAILED, Stage.DONE, failure=failure)
    assert "theirs" in desk.browser().get(desk.address).text
    assert "theirs" not in desk.browser(Role.CONTRIBUTOR).get(desk.address).text


def test_a_dry_run_tells_what_a_real_one_would_do_and_can_be_run_for_real(desk):
    body = {"Email": "a***@example.com", "FirstName": "Ana", "custom": {"date--Birth--day": "1990"}}
    samples = [{"segment": "vip", "body": {**body, "_autopilot_list": "list-1"}}]
    desk.state.write(places.samples(desk.run_id), json.dumps(samples).encode())
    counts = Counts(profiles=30, new=20, changed=1, unchanged=9, leavers=2)
    estimate = Estimate(calls=4, seconds=130)
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE, dry=True, counts=counts, estimate=estimate)
    browser = desk.browser(Role.CONTRIBUTOR)
    page = browser.get(desk.address)
    for sentence in (
        "20 new people would be sent.",
        "1 person who has changed would be sent again.",
        "2 people have left the segment",
        "It would take 4 calls to Autopilot at most. That is about 2 minutes 10 seconds",
    ):
        assert sentence in page.text
    assert [cell.get_text() for cell in page.soup.select("main .scroll th")] == [
        "Segment",
        "Email",
        "FirstName",
        "Birth day",
    ]
    assert [cell.get_text() for cell in page.soup.select("main .scroll td")][1:] == [
        "a***@example.com",
        "Ana",
        "1990",
    ]
    address = f"/portal/{desk.address}/repeat"
    started = browser.post(address, page.form(address))
    [effect] = started.effects
    assert isinstance(effect, StartRun)
    assert (effect.run.dry, started.location) == (False, f"/portal/runs/{effect.run.id}")
    assert browser.post(address, page.form(address)).effects[0].run.id == effect.run.id


def test_viewers_see_no_samples(desk):
    desk.state.write(
        places.samples(desk.run_id), b'[{"segment": "vip", "body": {"Email": "a***@b.example"}}]'
    )
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE, dry=True, estimate=Estimate(calls=4))
    page = desk.browser(Role.VIEWER).get(desk.address)
    assert "How long that takes is not known before the first real run." in page.text
    assert "a***@b.example" not in page.text
    assert desk.audited()[-1][0] != "samples.read"


def test_samples_that_are_not_kept_any_more_leave_the_rest_of_the_page(desk):
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE, dry=True, estimate=Estimate(calls=4))
    page = desk.browser().get(desk.address)
    assert (page.status, "What a real run would do" in page.text) == (200, True)
    assert "Some of the people" not in page.text


def test_everything_that_is_known_of_a_run_is_told(desk):
    segments = (SegmentRun(name="vip", list_title="Our best", snapshot_id="vip-1", list_id="list-9"),)
    desk.put_to(
        RunStatus.SUCCESSFUL_WITH_REJECTS,
        Stage.DONE,
        segments=segments,
        full=True,
        attempt=2,
        retries="run-20260101T000000Z-1",
        rejected={"email_blank": 3},
        dropped_values={"Income": 4},
        warnings=("No file has arrived yet for the segment 'churn'.",),
    )
    page = desk.browser(Role.VIEWER).get(desk.address)
    for words in (
        "Our best",
        "list-9",
        "vip-1",
        "Attempt 2",
        "Retry",
        "Everybody",
        "on behalf",
        "Eve",
        "Ours",
    ):
        assert words.lower() in page.text.lower()
    assert page.links()["run-20260101T000000Z-1"] == "/portal/runs/run-20260101T000000Z-1"
    assert page.links()["vip"] == "/portal/segments/vip"
    assert "Income 4" in page.text
    assert "No e-mail address 3" in page.text
    assert "No file has arrived yet" in page.text


def test_a_run_whose_export_and_connection_are_gone_still_tells_its_story(desk):
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE)
    desk.stores.exports.remove("export-1")
    desk.stores.connections.remove("connection-1")
    page = desk.browser().get(desk.address)
    assert page.text.count("no longer there") == 2
    assert buttons(page) == []


def test_what_a_connection_for_administrators_sends_is_theirs_to_stop():
    desk = RunDesk(Sharing.ADMINISTRATORS)
    assert buttons(desk.browser(Role.CONTRIBUTOR).get(desk.address)) == []
    assert buttons(desk.browser().get(desk.address)) == ["Yes, cancel the run"]


def test_a_run_that_there_is_not_is_not_found(desk):
    assert desk.browser().get("runs/run-1").status == 404


@pytest.mark.parametrize("name", HOSTILE, ids=["markup", "right to left", "long"])
def test_names_are_shown_as_what_they_are(desk, name):
    segment = SegmentRun(name=name, list_title=name, snapshot_id="s")
    failure = Failure(code="x", message=name, remedy=name)
    desk.put_to(
        RunStatus.FAILED,
        Stage.DONE,
        export_name=name,
        segments=(segment,),
        failure=failure,
        requested_by=name,
        run_as=name,
        warnings=(name,),
        dropped_values={name: 1},
        rejected={name[:100]: 1},
    )
    page = desk.browser().get(desk.address)
    assert page.status == 200
    assert page.soup.find("img", src="x") is None
    assert name in page.soup.h1.get_text()


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("es", "Todas las personas de los archivos están en la lista."),
        ("ro", "Toate persoanele din fișiere sunt pe listă."),
    ],
)
def test_the_page_speaks_the_readers_language(desk, language, sentence):
    desk.put_to(RunStatus.SUCCESSFUL, Stage.DONE)
    assert told(desk.browser(language=language).get(desk.address)) == sentence


def test_a_failure_for_good_leads_to_the_form_of_its_export_and_to_its_connection(desk):
    desk.put_to(RunStatus.FAILED, Stage.DONE, failure=Failure(code="column-missing", message="No column."))
    links = desk.browser().get(desk.address).links()
    assert links["Edit export"] == "/portal/exports/export-1/edit"
    assert "/portal/connections/connection-1" in links.values()
    assert "Edit export" not in desk.browser(Role.VIEWER).get(desk.address).links()
