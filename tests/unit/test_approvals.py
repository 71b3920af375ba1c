"""Approving and refusing what a run asks for."""

from datetime import timedelta

import pytest

from shared.domain.access import Principal, Role
from shared.domain.connection import Sharing
from shared.domain.errors import Conflict, Forbidden, NotFound
from shared.domain.run import Approval, Decision, RunStatus, Stage
from shared.usecases.runs.runs import Verdict
from tests.unit.run_office import ADA, Office

CARL, VERA = Principal("Carl", Role.CONTRIBUTOR), Principal("Vera", Role.VIEWER)
WEEK = timedelta(days=7)


def asking(round_: int = 1, sharing: Sharing = Sharing.CONTRIBUTORS) -> tuple[Office, str]:
    """An office with a run that waits for approval, and its id."""
    office = Office("vip")
    office.connect(sharing=sharing)
    run_id = office.order().id
    now = office.clock()
    approval = Approval(
        round=round_, reasons=("x",), removals=9, rejects=0, asked_at=now, expires_at=now + WEEK
    )
    office.change(run_id, status=RunStatus.WAITING_FOR_APPROVAL, stage=Stage.APPROVAL, approval=approval)
    return office, run_id


def audited(office: Office, action: str) -> list[tuple[object, object]]:
    """Who did this, and how it ended."""
    return [(who, result) for done, _, who, result in office.audited() if done == action]


@pytest.mark.parametrize(("verb", "decision"), [("approve", Decision.APPROVED), ("refuse", Decision.REFUSED)])
def test_a_decision_is_stored_with_who_made_it_and_when(verb, decision):
    office, run_id = asking()
    office.clock.advance(60)
    decide = getattr(office.runs, verb)
    approval = decide(run_id, CARL, Verdict()).approval
    assert (approval.decision, approval.decided_by, approval.decided_at) == (decision, "Carl", office.clock())
    assert office.runs.get(run_id, ADA).approval == approval
    assert audited(office, f"run.{verb}") == [("Carl", "done")]


def test_repeating_a_decision_changes_nothing_and_a_contrary_one_is_refused():
    office, run_id = asking()
    first = office.runs.approve(run_id, CARL, Verdict())
    office.clock.advance(60)
    assert office.runs.approve(run_id, ADA, Verdict(round=1)) == first
    with pytest.raises(Conflict) as raised:
        office.runs.refuse(run_id, ADA, Verdict())
    assert raised.value.reason == "already-decided"
    assert "Carl" in raised.value.message
    office.change(run_id, status=RunStatus.PROCESSING, stage=Stage.PUSHING)
    assert office.runs.approve(run_id, CARL, Verdict()).approval == first.approval


def test_what_was_looked_at_before_the_run_asked_for_something_else_cannot_be_approved():
    office, run_id = asking(round_=2)
    with pytest.raises(Conflict) as raised:
        office.runs.approve(run_id, CARL, Verdict(round=1))
    assert raised.value.reason == "another-round"
    assert office.runs.approve(run_id, CARL, Verdict(round=2)).approval.decision is Decision.APPROVED


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"approval": None, "status": RunStatus.PROCESSING}, 0),
        ({"status": RunStatus.CANCELED}, 0),
        ({"cancel_requested_by": "Ada"}, 0),
        ({}, 7 * 86_400),
    ],
    ids=["never asked", "ended", "cancelled", "expired"],
)
def test_there_is_nothing_to_decide_when_a_run_does_not_wait(changes, seconds):
    office, run_id = asking()
    office.change(run_id, **changes)
    office.clock.advance(seconds)
    for decide in (office.runs.approve, office.runs.refuse):
        with pytest.raises(Conflict) as raised:
            decide(run_id, ADA, Verdict())
        assert raised.value.reason == "not-waiting"


def test_until_the_last_second_a_decision_counts():
    office, run_id = asking()
    office.clock.advance(7 * 86_400 - 1)
    assert office.runs.approve(run_id, ADA, Verdict()).approval.decision is Decision.APPROVED


def test_only_who_may_use_the_connection_decides():
    office, run_id = asking()
    with pytest.raises(Forbidden):
        office.runs.approve(run_id, VERA, Verdict())
    office, run_id = asking(sharing=Sharing.ADMINISTRATORS)
    with pytest.raises(Forbidden):
        office.runs.approve(run_id, CARL, Verdict())
    assert audited(office, "run.approve") == [("Carl", "refused")]
    with pytest.raises(NotFound):
        office.runs.approve("run-1", VERA, Verdict())


def test_the_rejects_of_the_file_can_be_looked_at_before_a_decision():
    office, run_id = asking()
    assert b"".join(office.runs.rejects(run_id, CARL)).startswith(b"segment,")


def test_a_run_that_waits_can_be_cancelled():
    office, run_id = asking()
    assert office.runs.cancel(run_id, CARL).cancel_requested_by == "Carl"
    assert office.runs.cancel(run_id, ADA).cancel_requested_by == "Carl"
