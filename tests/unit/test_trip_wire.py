"""When a run stops and asks: shares and counts of removals and rejects, to the person."""

import pytest

from shared.domain.export import TripWire
from shared.domain.run import Approval, Counts, Decision
from shared.pipeline.staging.stage import Staged
from shared.pipeline.trip_wire import find_reasons, find_toll
from tests.fakes_stores import START

NEVER = TripWire(max_removals_share=None)


def segment(name: str = "vip", *, leavers: int = 0, on_list: int = 0, rows: int = 100, **rejected: int):
    return Staged(
        segment=name,
        folder=f"stage/{name}/",
        leaver_chunks=int(leavers > 0),
        ledger_people=on_list,
        counts=Counts(rows=rows, leavers=leavers),
        rejected=rejected,
    )


def trips(wire: TripWire, *staged: Staged, approval: Approval | None = None) -> bool:
    return bool(find_reasons(wire, staged, approval))


def decided(decision: Decision | None, *, removals: int = 0, rejects: int = 0) -> Approval:
    return Approval(
        reasons=("x",),
        removals=removals,
        rejects=rejects,
        asked_at=START,
        expires_at=START,
        decision=decision,
        decided_by="Ada",
    )


@pytest.mark.parametrize(
    ("leavers", "on_list", "asks"),
    [(30, 100, False), (31, 100, True), (9, 9, False), (10, 10, True), (10, 34, False), (10, 33, True)],
)
def test_a_share_of_the_list_is_too_much_above_the_limit_and_from_ten_people_on(leavers, on_list, asks):
    assert trips(TripWire(), segment(leavers=leavers, on_list=on_list)) is asks


@pytest.mark.parametrize(("leavers", "asks"), [(5, False), (6, True)])
def test_a_number_of_removals_counts_however_few_they_are(leavers, asks):
    wire = TripWire(max_removals_share=None, max_removals=5)
    assert trips(wire, segment(leavers=leavers, on_list=10_000)) is asks


@pytest.mark.parametrize(("rejects", "asks"), [(20, False), (21, True)])
def test_a_share_of_the_rows_is_too_much_above_the_limit(rejects, asks):
    wire = TripWire(max_removals_share=None, max_rejects_share=0.2)
    assert trips(wire, segment(rows=100, email_no_at_sign=rejects)) is asks
    assert not trips(wire, segment(rows=9, email_no_at_sign=9))


@pytest.mark.parametrize(("rejects", "asks"), [(5, False), (6, True)])
def test_a_number_of_rejects_is_that_of_all_segments_together(rejects, asks):
    wire = TripWire(max_removals_share=None, max_rejects=5)
    assert trips(wire, segment(email_blank=2), segment("churn", duplicate_email=rejects - 2)) is asks


def test_who_is_left_out_on_purpose_is_no_reject():
    wire = TripWire(max_rejects=5, max_rejects_share=0.1)
    staged = segment(rows=100, suppressed=40, no_consent=50, email_blank=5)
    assert not trips(wire, staged)
    assert find_toll([staged]).rejects == 5


def test_leavers_who_are_kept_on_their_list_are_no_removals():
    kept = segment(leavers=90, on_list=100).model_copy(update={"leaver_chunks": 0})
    assert not trips(TripWire(max_removals=1), kept)
    assert find_toll([kept]).removals == 0


def test_nothing_trips_a_wire_without_limits():
    assert not trips(NEVER, segment(leavers=1_000, on_list=1_000, rows=10, email_blank=10))


def test_one_emptied_list_does_not_hide_behind_a_large_one():
    reasons = find_reasons(TripWire(), [segment(leavers=90, on_list=100), segment("all", on_list=100_000)])
    assert reasons == [
        "90 of the 100 people on the list of 'vip' would be taken off; that is 90%, the limit is 30%."
    ]


def test_many_small_losses_count_together():
    lists = [segment(f"s{number}", leavers=9, on_list=12) for number in range(2)]
    assert find_reasons(TripWire(), lists) == [
        "18 of the 24 people on all lists together would be taken off; that is 75%, the limit is 30%."
    ]


def test_every_reason_has_a_sentence():
    wire = TripWire(max_removals=10, max_rejects=10, max_rejects_share=0.125)
    reasons = find_reasons(wire, [segment(leavers=1_500, on_list=2_000, rows=4_000, email_blank=1_000)])
    assert reasons == [
        "1,500 people would be taken off their lists; the limit is 10.",
        "1,500 of the 2,000 people on the list of 'vip' would be taken off; that is 75%, the limit is 30%.",
        "1,000 rows would not be sent; the limit is 10.",
        "1,000 of the 4,000 rows of the segment 'vip' would not be sent; that is 25%, the limit is 12.5%.",
    ]


@pytest.mark.parametrize(("leavers", "asks"), [(40, False), (50, False), (51, True)])
def test_what_was_approved_may_happen_but_no_more(leavers, asks):
    approval = decided(Decision.APPROVED, removals=50)
    assert trips(TripWire(), segment(leavers=leavers, on_list=100), approval=approval) is asks


def test_who_approves_removals_has_not_approved_rejects():
    wire = TripWire(max_rejects=5)
    staged = segment(leavers=50, on_list=100, email_blank=6)
    approved = decided(Decision.APPROVED, removals=50, rejects=5)
    assert find_reasons(wire, [staged], approved) == ["6 rows would not be sent; the limit is 5."]


@pytest.mark.parametrize("decision", [None, Decision.REFUSED, Decision.EXPIRED])
def test_only_an_approval_lets_a_run_go_on(decision):
    approval = decided(decision, removals=100, rejects=100)
    assert trips(TripWire(), segment(leavers=50, on_list=100), approval=approval)
