"""Who has a connection's lane, and who comes next."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.lane import WAITS_S, Lane

NOW = 1_000_000.0


def waiting(*who: str, holder: str | None = "run-0") -> Lane:
    lane = Lane(holder, NOW + 900)
    for each in who:
        lane = lane.queued(each, NOW)
    return lane


def test_the_first_who_waits_comes_next():
    lane = waiting("run-1", "run-2").left("run-0")

    assert lane.taken_by("run-2", NOW) == "run-1"
    assert lane.taken_by("run-9", NOW) == "run-1"
    assert lane.taken_by("run-1", NOW) is None


def test_whoever_has_the_lane_keeps_it_however_many_wait():
    assert waiting("run-1").taken_by("run-0", NOW) is None


def test_a_lane_that_ran_out_goes_to_the_first_who_waits():
    lane = waiting("run-1")

    assert lane.taken_by("run-0", NOW + 900) is None, "nobody has asked for long"
    lane = lane.queued("run-1", NOW + 899)
    assert lane.taken_by("run-0", NOW + 900) == "run-1"
    assert lane.taken_by("run-1", NOW + 900) is None


def test_nobody_waits_for_who_does_not_ask_any_more():
    lane = waiting("run-1", "run-2").left("run-0").queued("run-2", NOW + WAITS_S - 1)

    assert lane.taken_by("run-2", NOW + WAITS_S - 1) == "run-1"
    assert lane.taken_by("run-2", NOW + WAITS_S) is None


def test_asking_again_keeps_the_place():
    lane = waiting("run-1", "run-2").queued("run-1", NOW + 5)

    assert (lane.place("run-1"), lane.place("run-2"), lane.place("run-3")) == (1, 2, 3)


def test_a_queue_has_an_end():
    lane = waiting(*(f"run-{number}" for number in range(1, 300)))

    assert len(lane.queue) == 200
    assert lane.place("run-299") == 201


def test_who_leaves_neither_has_the_lane_nor_waits():
    lane = waiting("run-1")

    assert lane.left("run-1") == waiting()
    assert lane.left("run-1").left("run-0").is_empty


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_all_who_keep_asking_have_the_lane_in_the_order_in_which_they_came(asking: list[int]):
    lane, came, had = Lane(), list[str](), list[str]()
    for number in asking:
        who = f"run-{number}"
        if who in had:
            continue
        if who not in came:
            came.append(who)
        if lane.taken_by(who, NOW) is None:
            had.append(who)
            lane = lane.taken(who, NOW + 60).left(who)
        else:
            lane = lane.queued(who, NOW)
    while len(had) < len(came):
        [next_one] = [who for who in came if who not in had and lane.taken_by(who, NOW) is None]
        had.append(next_one)
        lane = lane.taken(next_one, NOW + 60).left(next_one)

    assert had == came
