"""A destination that fails in every way: nobody is lost, nothing is done twice, nothing goes on for ever."""

import contextlib
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from devkit.autopilot import AutopilotSimulator
from shared.adapters.autopilot import Autopilot
from shared.domain.destination import Outcome
from shared.domain.errors import DestinationError, Refused, Throttled, Unavailable
from tests.contract.canned_server import Answer, CannedServer
from tests.contract.dialects import make_people, numbered, open_session
from tests.fakes import PatientPacer

PASSING_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "throttled": ("throttle", {}),
    "throttled with a wait": ("throttle", {"retry_after": 1}),
    "throttled with nonsense": ("throttle", {"retry_after": "soon"}),
    "failed": ("server_error", {"status": 500}),
    "bad gateway": ("server_error", {"status": 502}),
    "failed after doing it": ("server_error", {"status": 503, "applied": True}),
    "reset before": ("reset_before", {}),
    "reset after": ("reset_after", {}),
    "garbage": ("garbage", {}),
    "garbage after doing it": ("garbage", {"applied": True}),
    "timed out after doing it": ("timeout", {"seconds": 0.5}),
}
_TIMEOUT_S = 0.3


@pytest.fixture(params=["honoured", "ignored"])
def autopilot(request: pytest.FixtureRequest) -> Iterator[AutopilotSimulator]:
    with AutopilotSimulator(bulk_list=request.param) as running:
        yield running


@pytest.fixture
def learnt(autopilot: AutopilotSimulator) -> dict[str, bool]:
    return {"list_in_bulk": autopilot.switches.bulk_list == "honoured"}


@pytest.mark.parametrize("fault", PASSING_FAULTS.values(), ids=PASSING_FAULTS.keys())
def test_everybody_arrives_once_although_calls_fail(
    autopilot: AutopilotSimulator, learnt: dict[str, bool], fault: tuple[str, dict[str, Any]]
) -> None:
    kind, options = fault
    list_id = autopilot.state.create_list("Segment").list_id
    autopilot.faults.add(kind, times=3, **options)
    session, outcome = open_session(autopilot, learnt, timeout_s=_TIMEOUT_S), Outcome()

    session.push(list_id, make_people(numbered(20)), outcome)

    assert sorted(outcome.accepted) == numbered(20)
    assert not outcome.refused
    assert autopilot.state.emails_on(list_id) == numbered(20)
    assert len(autopilot.state.contacts) == 20


def test_everybody_arrives_although_a_quarter_of_all_calls_fail(
    autopilot: AutopilotSimulator, learnt: dict[str, bool]
) -> None:
    list_id = autopilot.state.create_list("Segment").list_id
    for kind in ("throttle", "server_error", "reset_before", "reset_after", "garbage"):
        autopilot.faults.add(kind, probability=0.055)
    session, outcome = open_session(autopilot, learnt), Outcome()

    for start in range(0, 300, 100):
        people = make_people(numbered(300)[start : start + 100])
        while len(outcome.accepted) < start + 100:
            with contextlib.suppress(Unavailable):
                session.push(list_id, people, outcome)

    assert sorted(outcome.accepted) == autopilot.state.emails_on(list_id) == numbered(300)


@pytest.mark.parametrize(
    "fault",
    [
        ("server_error", {"status": 503}),
        ("reset_before", {}),
        ("reset_after", {}),
        ("garbage", {}),
    ],
    ids=lambda fault: fault[0],
)
def test_an_outage_is_given_up_and_accuses_nobody(
    autopilot: AutopilotSimulator, learnt: dict[str, bool], fault: tuple[str, dict[str, Any]]
) -> None:
    list_id = autopilot.state.create_list("Segment").list_id
    autopilot.faults.add(fault[0], **fault[1])
    session, outcome, pacer = (
        open_session(autopilot, learnt, pacer=(pacer := PatientPacer())),
        Outcome(),
        pacer,
    )

    with pytest.raises(Unavailable):
        session.push(list_id, make_people(numbered(20)), outcome)

    assert outcome == Outcome()
    assert session.calls <= 10
    assert pacer.pauses_s == sorted(pacer.pauses_s)


def test_what_was_settled_before_an_outage_is_kept(autopilot: AutopilotSimulator) -> None:
    list_id = autopilot.state.create_list("Segment").list_id
    people = make_people(numbered(10), joins=False) + make_people(["new@example.com"])
    autopilot.faults.add("server_error", on="POST /list/{list_id}/contact/{id_or_email}")
    session, outcome = open_session(autopilot), Outcome()

    with pytest.raises(Unavailable):
        session.push(list_id, people, outcome)

    assert sorted(outcome.accepted) == numbered(10)
    assert not outcome.refused


@pytest.mark.parametrize(
    ("header", "heard"),
    [
        (None, None),
        (2, 2.0),
        ("0.5", 0.5),
        (0, 0.0),
        (3_600, 600.0),
        (86_400, 600.0),
        (1_000_000_000, None),
        ("1e400", None),
        (-5, None),
        ("nan", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Thu, 01 Jan 2099 00:00:00 GMT", None),
        ("Thu, 32 Jan 2099 00:00:00 GMT", None),
    ],
)
def test_the_wait_that_is_asked_for_is_passed_on_within_reason(
    autopilot: AutopilotSimulator, header: Any, heard: float | None
) -> None:
    autopilot.faults.add("throttle", times=1, retry_after=header)
    pacer = PatientPacer()

    open_session(autopilot, pacer=pacer).check()

    assert pacer.retry_after_s == [heard]


def test_a_date_to_wait_until_is_counted_from_that_of_the_answer(autopilot: AutopilotSimulator) -> None:
    autopilot.faults.add("throttle", times=1, retry_after=formatdate(time.time() + 90, usegmt=True))
    pacer = PatientPacer()

    open_session(autopilot, pacer=pacer).check()

    assert pacer.retry_after_s in ([88.0], [89.0], [90.0], [91.0])


def test_long_waits_are_left_to_the_orchestration(autopilot: AutopilotSimulator) -> None:
    autopilot.faults.add("throttle", retry_after=400)
    pacer = PatientPacer()

    with pytest.raises(Throttled):
        open_session(autopilot, pacer=pacer).check()

    assert pacer.retry_after_s == [400.0, 400.0]


def test_endless_throttling_is_given_up(autopilot: AutopilotSimulator) -> None:
    autopilot.faults.add("throttle")
    session = open_session(autopilot)

    with pytest.raises(Throttled):
        session.check()

    assert session.calls <= 50


def test_a_person_missing_from_the_answer_is_refused(autopilot: AutopilotSimulator) -> None:
    autopilot.switches.invalid_email = "drop"
    list_id = autopilot.state.create_list("Segment").list_id
    outcome = Outcome()

    open_session(autopilot).push(list_id, make_people(["fine@example.com", "not-an-address"]), outcome)

    assert outcome.refused == {"not-an-address": "not_accepted"}
    assert sorted(outcome.accepted) == ["fine@example.com"]


def test_fields_that_do_not_exist_end_the_run_with_autopilots_own_words(
    autopilot: AutopilotSimulator, learnt: dict[str, bool]
) -> None:
    autopilot.switches.custom_fields = "must_exist"
    list_id = autopilot.state.create_list("Segment").list_id
    session, outcome = open_session(autopilot, learnt), Outcome()

    with pytest.raises(Refused) as caught:
        session.push(list_id, make_people(numbered(100)), outcome)

    assert caught.value.reason == "all-refused"
    assert "Loyalty Tier" in caught.value.message
    assert not outcome.accepted
    assert session.calls <= 210


def test_many_bad_people_among_good_ones_do_not_end_the_run(autopilot: AutopilotSimulator) -> None:
    list_id = autopilot.state.create_list("Segment").list_id
    bad = [f"bad{number}" for number in range(180)]
    session, outcome = open_session(autopilot), Outcome()

    session.push(list_id, make_people(["good@example.com", *bad[:90]]), outcome)
    session.push(list_id, make_people(bad[90:]), outcome)

    assert sorted(outcome.refused) == sorted(bad)
    assert autopilot.state.emails_on(list_id) == ["good@example.com"]


LIST_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "slow, without an id": ("slow_list", {"times": 1, "seconds": 0.0}),
    "slower than we wait": ("slow_list", {"times": 1, "seconds": 0.5}),
    "timed out after doing it": ("timeout", {"times": 1, "seconds": 0.5}),
    "reset after doing it": ("reset_after", {"times": 1}),
    "failed after doing it": ("server_error", {"times": 1, "applied": True}),
    "reset before doing it": ("reset_before", {"times": 1}),
    "failed": ("server_error", {"times": 2, "status": 500}),
    "garbage": ("garbage", {"times": 1, "applied": True}),
    "throttled": ("throttle", {"times": 3}),
}


@pytest.mark.parametrize("duplicates", ["create", "conflict"])
@pytest.mark.parametrize("fault", LIST_FAULTS.values(), ids=LIST_FAULTS.keys())
def test_there_is_one_list_whatever_happens_while_it_is_made(
    duplicates: str, fault: tuple[str, dict[str, Any]]
) -> None:
    with AutopilotSimulator(duplicate_list=duplicates) as autopilot:
        autopilot.faults.add(fault[0], on="POST /list", **fault[1])

        list_id = open_session(autopilot, timeout_s=_TIMEOUT_S).ensure_list("Segment")

        assert [each.list_id for each in autopilot.state.lists_titled("Segment")] == [list_id]


def test_a_list_that_shows_up_late_is_waited_for_without_making_another() -> None:
    with AutopilotSimulator() as autopilot:
        pacer = ArrivingList(autopilot)
        autopilot.faults.add("garbage", on="POST /list")

        list_id = open_session(autopilot, pacer=pacer).ensure_list("Segment")

        assert [each.list_id for each in autopilot.state.lists_titled("Segment")] == [list_id]
        assert sum(autopilot.calls.outcomes["POST /list"].values()) == 1
        assert sum(pacer.pauses_s) >= 30


class ArrivingList(PatientPacer):
    """The list appears after half a minute of waiting, as one was recorded to."""

    def __init__(self, autopilot: AutopilotSimulator) -> None:
        super().__init__()
        self._autopilot = autopilot

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        if sum(self.pauses_s) >= 30 and not self._autopilot.state.lists:
            self._autopilot.state.create_list("Segment")


def test_a_list_that_cannot_be_made_is_given_up() -> None:
    with AutopilotSimulator() as autopilot:
        autopilot.faults.add("server_error", on="POST /list")
        session = open_session(autopilot)

        with pytest.raises(Unavailable):
            session.ensure_list("Segment")

        assert sum(autopilot.calls.outcomes["POST /list"].values()) <= 3


ODD_ANSWERS: dict[str, Answer] = {
    "another page": Answer(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
    "request timed out": Answer(408, b"{}"),
    "an array": Answer(200, b"[]"),
    "an empty object": Answer(200, b"{}"),
    "a number": Answer(200, b"7"),
    "nothing": Answer(204, b""),
    "a map of nothing": Answer(200, b'{"email_contact_map":[],"contact_ids":"no"}'),
    "ids of too few": Answer(200, b'{"contact_ids":["person_1"]}'),
    "broken UTF-8": Answer(200, b'{"email_contact_map":{"\xff":"1"}}'),
    "cut off": Answer(200, b'{"email_contact_map":', {"Content-Length": "500"}),
}


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
def test_an_answer_that_says_nothing_about_people_accuses_nobody(answer: Answer) -> None:
    with CannedServer(answer) as server:
        session = Autopilot(server.url, timeout_s=2).open(lambda _fresh: "key", PatientPacer(), {})
        outcome = Outcome()

        with pytest.raises(DestinationError):
            session.push("contactlist_1", make_people(numbered(2)), outcome)
        with pytest.raises(DestinationError):
            session.lists()

    assert outcome == Outcome()
    assert server.calls <= 20


def test_answers_of_2015_without_a_map_are_understood() -> None:
    with CannedServer(Answer(200, b'{"contact_ids":["person_1","person_2"]}')) as server:
        session = Autopilot(server.url, timeout_s=2).open(lambda _fresh: "key", PatientPacer(), {})
        outcome = Outcome()
        session.push("contactlist_1", make_people(numbered(2), joins=False), outcome)

    assert list(outcome.accepted.values()) == ["person_1", "person_2"]


def test_a_person_without_an_id_in_the_answer_is_refused() -> None:
    emails = numbered(2)
    body = f'{{"email_contact_map":{{"{emails[0].upper()}":"person_1","{emails[1]}":null}}}}'
    with CannedServer(Answer(200, body.encode())) as server:
        session = Autopilot(server.url, timeout_s=2).open(lambda _fresh: "key", PatientPacer(), {})
        outcome = Outcome()
        session.push("contactlist_1", make_people(emails, joins=False), outcome)

    assert outcome == Outcome({emails[0]: "person_1"}, {emails[1]: "not_accepted"})


def test_lists_in_an_odd_form_are_passed_over() -> None:
    body = b'{"lists":[{"title":"A"},null,{"list_id":"l1","title":null},{"list_id":"l2","title":"A"}]}'
    with CannedServer(Answer(200, body)) as server:
        session = Autopilot(server.url, timeout_s=2).open(lambda _fresh: "key", PatientPacer(), {})
        assert session.lists() == [("l1", ""), ("l2", "A")]


@pytest.mark.parametrize(("blanks", "accepted"), [(2**20, True), (17 * 2**20, False)])
def test_an_answer_without_end_is_not_read_to_its_end(blanks: int, accepted: bool) -> None:
    with CannedServer(Answer(200, b'{"lists":[]}' + b" " * blanks)) as server:
        session = Autopilot(server.url, timeout_s=5).open(lambda _fresh: "key", PatientPacer(), {})
        if accepted:
            assert session.lists() == []
        else:
            with pytest.raises(Unavailable, match="AnswerTooLarge"):
                session.lists()
