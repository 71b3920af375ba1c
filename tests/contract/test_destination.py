"""What every destination must do, whichever way it behaves: checked against all dialects of Autopilot."""

from collections.abc import Iterator

import pytest

from devkit.autopilot import AutopilotSimulator
from shared.adapters.autopilot import Autopilot
from shared.domain.destination import Outcome, Session, Stopped
from shared.domain.errors import Refused, Unauthorized, Unavailable
from tests.contract.dialects import ACCEPTING, make_people, numbered, open_session
from tests.fakes import PatientPacer


@pytest.fixture(params=ACCEPTING.values(), ids=ACCEPTING.keys())
def autopilot(request: pytest.FixtureRequest) -> Iterator[AutopilotSimulator]:
    with AutopilotSimulator(**request.param) as running:
        running.state.custom_fields.create("Loyalty Tier", "string")
        yield running


@pytest.fixture
def session(autopilot: AutopilotSimulator) -> Session:
    return open_session(autopilot)


def membership_calls(autopilot: AutopilotSimulator) -> int:
    return sum(autopilot.calls.outcomes["POST /list/{list_id}/contact/{id_or_email}"].values())


def looks(autopilot: AutopilotSimulator) -> int:
    return sum(autopilot.calls.outcomes["GET /list/{list_id}/contact/{id_or_email}"].values())


def test_a_good_key_shows_the_account(autopilot: AutopilotSimulator, session: Session) -> None:
    autopilot.state.create_list("One")
    autopilot.state.create_list("Two")

    account = session.check()

    assert account.lists == 2
    assert account.name


def test_a_wrong_key_is_refused_without_showing_it(autopilot: AutopilotSimulator) -> None:
    session = open_session(autopilot, read_key=lambda _fresh: "deadbeef" * 4)

    with pytest.raises(Unauthorized) as caught:
        session.check()

    assert "deadbeef" not in f"{caught.value.message} {caught.value.remedy}"
    assert session.calls == 1


def test_lists_are_found_by_their_titles(autopilot: AutopilotSimulator, session: Session) -> None:
    wanted = autopilot.state.create_list("Sunset Clients ✓")
    autopilot.state.create_list("Others")

    assert (wanted.list_id, "Sunset Clients ✓") in session.lists()


def test_of_two_lists_with_one_title_the_first_is_always_taken(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    first = autopilot.state.create_list("Twins")
    autopilot.state.create_list("Twins")

    assert session.ensure_list("Twins") == first.list_id


def test_a_list_is_made_once(autopilot: AutopilotSimulator, session: Session) -> None:
    made = session.ensure_list("Fresh")

    assert session.ensure_list("Fresh") == made
    assert [each.list_id for each in autopilot.state.lists_titled("Fresh")] == [made]


def test_one_look_serves_all_lists_that_are_made(autopilot: AutopilotSimulator, session: Session) -> None:
    there = autopilot.state.create_list("There")

    made = [session.ensure_list(title) for title in ("There", "One", "Two", "One")]

    assert made[0] == there.list_id
    assert made[1] == made[3] != made[2]
    assert sum(autopilot.calls.outcomes["GET /lists"].values()) == 1
    assert sum(autopilot.calls.outcomes["POST /list"].values()) == 2


def test_learning_tells_whether_bulk_calls_put_known_contacts_on_a_list(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")

    learnt = session.learn(list_id, make_people(numbered(3)))

    assert learnt == {"list_in_bulk": autopilot.switches.bulk_list == "honoured"}


def test_learning_is_not_misled_by_people_who_are_on_the_list(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")
    session.push(list_id, make_people(["member@example.com"]), Outcome())

    assert session.learn(list_id, make_people(["member@example.com"])) == {}
    learnt = session.learn(list_id, make_people(["member@example.com", "stranger@example.com"]))
    assert learnt == {"list_in_bulk": autopilot.switches.bulk_list == "honoured"}


def test_after_learning_everybody_is_on_the_list_whether_new_or_known(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    emails = numbered(130)
    other = session.ensure_list("Other")
    session.push(other, make_people(emails[:70]), Outcome())
    list_id = session.ensure_list("Segment")
    learnt = session.learn(list_id, make_people(emails))
    later = open_session(autopilot, learnt)

    outcome = Outcome()
    later.push(list_id, make_people(emails[:100]), outcome)
    later.push(list_id, make_people(emails[100:]), outcome)

    assert sorted(outcome.accepted) == emails
    assert autopilot.state.emails_on(list_id) == emails
    assert len(autopilot.state.contacts) == 130
    assert outcome.accepted == {email: autopilot.state.by_email[email].contact_id for email in emails}


def test_pushing_twice_changes_nothing(autopilot: AutopilotSimulator, session: Session) -> None:
    list_id = session.ensure_list("Segment")
    people = make_people(numbered(40))
    first, second = Outcome(), Outcome()

    session.push(list_id, people, first)
    session.push(list_id, people, second)

    assert first == second
    assert autopilot.state.emails_on(list_id) == numbered(40)
    assert len(autopilot.state.contacts) == 40


def test_people_on_our_ledger_cost_no_membership_call(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")
    outcome = Outcome()

    session.push(list_id, make_people(numbered(50), joins=False, tier="silver"), outcome)

    assert sorted(outcome.accepted) == numbered(50)
    assert membership_calls(autopilot) == 0
    assert autopilot.state.emails_on(list_id) == []


def test_in_a_mixed_batch_only_newcomers_are_put_on_the_list(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")
    known, new = numbered(30, "known"), numbered(20, "new")
    outcome = Outcome()

    session.push(list_id, make_people(known, joins=False) + make_people(new), outcome)

    assert sorted(outcome.accepted) == known + new
    assert autopilot.state.emails_on(list_id) == new
    assert membership_calls(autopilot) == 20


def test_refused_people_are_named_and_the_rest_goes_through(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")
    good, bad = numbered(95), [f"broken{number}" for number in range(5)]
    people = make_people([*good[:50], *bad, *good[50:]])
    outcome = Outcome()

    session.push(list_id, people, outcome)

    assert sorted(outcome.accepted) == good
    assert sorted(outcome.refused) == bad
    assert len(set(outcome.refused.values())) == 1
    assert autopilot.state.emails_on(list_id) == good


@pytest.mark.parametrize("place", [0, 49, 50, 99])
def test_one_poisoned_person_of_a_hundred_is_found_in_few_calls(
    autopilot: AutopilotSimulator, session: Session, place: int
) -> None:
    emails = numbered(100)
    list_id = session.ensure_list("Segment")
    autopilot.faults.poison.add(emails[place])
    outcome = Outcome()

    session.push(list_id, make_people(emails, joins=False), outcome)

    assert outcome.refused == {emails[place]: "refused_by_destination"}
    assert sorted(outcome.accepted) == emails[:place] + emails[place + 1 :]
    # Halving 100 down to 1 takes at most seven steps of two calls each.
    assert sum(autopilot.calls.outcomes["POST /contacts"].values()) <= 15


def test_addresses_in_any_script_and_with_odd_characters_arrive(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    emails = sorted(
        [
            "josé@exámple.es",
            "δοκιμή@παράδειγμα.ελ",
            "用户@例子.广告",
            "straße@example.de",
            "strasse@example.de",
            "o'brien/sales+a%b#c?d=e&f@example.com",
            "ı@example.com",
        ]
    )
    list_id = session.ensure_list("Segment")
    outcome = Outcome()

    session.push(list_id, make_people(emails), outcome)

    assert sorted(outcome.accepted) == emails
    assert autopilot.state.emails_on(list_id) == emails


def test_list_ids_with_blanks_and_slashes_are_reached(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    odd = autopilot.state.create_list("Sunset")
    del autopilot.state.lists[odd.list_id]
    odd.list_id = "contactlist_Sunset Contacts/50% off?"
    autopilot.state.lists[odd.list_id] = odd
    emails = numbered(4)

    session.push(odd.list_id, make_people(emails), Outcome())
    learnt = session.learn(odd.list_id, make_people(["someone@example.com"]))
    open_session(autopilot, learnt).push(odd.list_id, make_people(["else@example.com"]), Outcome())

    on_it = set(autopilot.state.emails_on(odd.list_id))
    assert {*emails, "else@example.com"} <= on_it <= {*emails, "else@example.com", "someone@example.com"}


def test_a_full_account_ends_the_run_instead_of_blaming_people(autopilot: AutopilotSimulator) -> None:
    autopilot.switches.contact_limit = 50
    session, outcome = open_session(autopilot), Outcome()
    list_id = session.ensure_list("Segment")

    with pytest.raises(Refused):
        session.push(list_id, make_people(numbered(51)), outcome)

    assert outcome == Outcome()
    assert sum(autopilot.calls.outcomes["POST /contacts"].values()) == 1


def test_a_list_that_is_removed_meanwhile_ends_the_run(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")
    learnt = session.learn(list_id, make_people(numbered(2)))
    later = open_session(autopilot, learnt)
    del autopilot.state.lists[list_id]
    for contact in autopilot.state.contacts.values():
        contact.lists = ()
    outcome = Outcome()

    with pytest.raises(Refused) as caught:
        later.push(list_id, make_people(numbered(10)), outcome)

    assert caught.value.reason == "list-missing"
    assert not outcome.accepted
    assert not outcome.refused


def test_an_account_that_stopped_adding_in_bulk_is_noticed(autopilot: AutopilotSimulator) -> None:
    autopilot.switches.bulk_list = "ignored"
    session = open_session(autopilot, {"list_in_bulk": True})
    list_id = session.ensure_list("Segment")
    emails = numbered(120)

    for part in (emails[:60], emails[60:]):
        session.push(list_id, make_people(part), Outcome())

    assert autopilot.state.emails_on(list_id) == emails


def test_what_was_learnt_is_proven_once(autopilot: AutopilotSimulator, session: Session) -> None:
    list_id, emails = session.ensure_list("Segment"), numbered(90)
    learnt = session.learn(list_id, make_people(["first@example.com"]))
    in_bulk = autopilot.switches.bulk_list == "honoured"
    before = looks(autopilot)
    assert not session.awaits_proof

    one, other = open_session(autopilot, learnt), open_session(autopilot, learnt, proven=True)
    assert (one.awaits_proof, other.awaits_proof) == (in_bulk, False)
    for start, pushing in enumerate((one, one, other)):
        pushing.push(list_id, make_people(emails[start * 30 : (start + 1) * 30]), Outcome())

    assert not one.awaits_proof
    assert looks(autopilot) - before == in_bulk
    assert set(emails) <= set(autopilot.state.emails_on(list_id))


def test_unsubscribed_people_stay_so_when_they_are_updated(
    autopilot: AutopilotSimulator, session: Session
) -> None:
    list_id = session.ensure_list("Segment")
    session.push(list_id, make_people(["ada@example.com"]), Outcome())
    autopilot.state.by_email["ada@example.com"].unsubscribed = True

    session.push(list_id, make_people(["ada@example.com"], tier="silver"), Outcome())

    contact = autopilot.state.by_email["ada@example.com"]
    assert contact.unsubscribed
    assert contact.custom == {"string--Loyalty--Tier": "silver"}


def test_nothing_is_called_once_the_run_was_stopped(autopilot: AutopilotSimulator) -> None:
    pacer = PatientPacer()
    session = open_session(autopilot, pacer=pacer)
    pacer.stop = True

    with pytest.raises(Stopped):
        session.check()

    assert session.calls == 0


def test_an_address_that_nobody_answers_at_is_unavailable() -> None:
    silent = Autopilot("http://127.0.0.1:9/v1", timeout_s=1)
    session = silent.open(lambda _fresh: "key", PatientPacer(), {})

    with pytest.raises(Unavailable):
        silent.ping()
    with pytest.raises(Unavailable):
        session.check()
    assert session.calls < 10
