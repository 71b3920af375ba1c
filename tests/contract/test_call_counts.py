"""How many calls runs make, in every way that Autopilot may behave: no more than the work needs, and as foretold."""

from collections import Counter
from collections.abc import Iterator

import pytest

from devkit.autopilot import AutopilotSimulator
from shared.domain.run import RunStatus
from shared.pipeline.steps.push import push
from tests.contract.dialects import ACCEPTING
from tests.contract.run_on_simulator import ADD, BULK, LIST, LISTS, LOOK, REMOVE, Account, emails

HONOURING = {
    f"{name}, members in bulk": {**switches, "bulk_list": "honoured"}
    for name, switches in ACCEPTING.items()
    if "bulk_list" not in switches
}
DIALECTS = ACCEPTING | HONOURING


@pytest.fixture(params=DIALECTS.values(), ids=DIALECTS.keys())
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with AutopilotSimulator(**request.param) as autopilot:
        yield Account(autopilot, "vip")


def test_runs_make_the_calls_that_their_changes_need_and_no_more(account: Account) -> None:
    in_bulk = account.autopilot.switches.bulk_list == "honoured"
    account.upload("vip", range(1_000))
    expected = account.rehearse()
    run, calls = account.run()
    learning = Counter({BULK: 2, LOOK: 2})
    joining = Counter() if in_bulk else Counter({ADD: 1_000})
    assert calls == Counter({LISTS: 2, LIST: 1, BULK: 10}) + learning + joining
    assert run.counts.calls == calls.total()
    assert expected == (calls + Counter({ADD: 1_000}) if in_bulk else calls).total()

    account.upload("vip", range(10, 1_010), moved=range(500, 510))
    expected = account.rehearse()
    run, calls = account.run()
    assert (run.counts.new, run.counts.changed, run.counts.removed) == (10, 10, 10)
    joining = Counter({LOOK: 1}) if in_bulk else Counter({ADD: 10})
    assert calls == Counter({LISTS: 1, BULK: 1, REMOVE: 10}) + joining
    assert run.counts.calls == calls.total() == expected
    assert account.members("vip") == emails(range(10, 1_010))

    expected = account.rehearse()
    run, calls = account.run()
    assert calls == Counter({LISTS: 1})
    assert run.counts.calls == calls.total() == expected


BY_BULK = [{"bulk_list": "honoured"}, {"bulk_list": "new_only"}, {"bulk_list": "ignored"}]


@pytest.fixture(params=BY_BULK, ids=lambda switches: switches["bulk_list"])
def settled(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account that was learnt, with people on the lists of two segments."""
    with AutopilotSimulator(**request.param) as autopilot:
        account = Account(autopilot, "vip", "churn", "later")
        account.upload("vip", range(250))
        account.upload("churn", range(100, 350))
        account.upload("later", ())
        account.run()
        yield account


def test_several_segments_fill_their_batches_each_and_share_what_a_run_does_once(settled: Account) -> None:
    in_bulk = settled.autopilot.switches.bulk_list == "honoured"
    settled.upload("vip", range(300), moved=range(60))
    settled.upload("churn", range(101, 352))
    settled.upload("later", range(201))
    expected = settled.rehearse()
    run, calls = settled.run()
    joining = 50 + 2 + 201
    assert calls == (
        Counter({LISTS: 2, LIST: 1, BULK: 2 + 1 + 3, REMOVE: 1})
        + Counter({LOOK: 1} if in_bulk else {ADD: joining})
    )
    assert run.counts.calls == calls.total() == expected
    assert settled.members("later") == emails(range(201))


def test_a_full_run_sends_everybody_and_looks_once(settled: Account) -> None:
    in_bulk = settled.autopilot.switches.bulk_list == "honoured"
    expected = settled.rehearse(full=True)
    run, calls = settled.run(full=True)
    assert calls == Counter({LISTS: 1, BULK: 3 + 3}) + Counter({LOOK: 1} if in_bulk else {ADD: 500})
    assert run.counts.calls == calls.total() == expected


def test_where_nobody_joins_nothing_has_to_be_proven(settled: Account) -> None:
    settled.upload("vip", range(250), moved=range(101))
    expected = settled.rehearse()
    run, calls = settled.run()
    assert calls == Counter({LISTS: 1, BULK: 2})
    assert run.counts.calls == calls.total() == expected


@pytest.mark.parametrize("behind", [0, 100, 250, 899])
def test_whoever_joins_first_is_looked_for_wherever_they_stand(behind: int) -> None:
    with AutopilotSimulator(bulk_list="honoured") as autopilot:
        account = Account(autopilot, "vip", batches_per_chunk=2)
        account.upload("vip", range(900))
        account.run()
        account.upload("vip", [*range(behind), *range(5_000, 5_010), *range(behind, 900)], moved=range(900))
        expected = account.rehearse()
        run, calls = account.run()
        assert calls == Counter({LISTS: 1, BULK: 10, LOOK: 1})
        assert run.counts.calls == calls.total() == expected
        assert account.members("vip") == emails([*range(900), *range(5_000, 5_010)])


@pytest.mark.parametrize("now", ["ignored", "new_only"])
def test_an_account_that_stopped_adding_in_bulk_is_noticed_at_once_and_learnt_anew(now: str) -> None:
    with AutopilotSimulator(bulk_list="honoured") as autopilot:
        account = Account(autopilot, "vip", "churn")
        account.upload("vip", range(700))
        account.upload("churn", ())
        account.run()
        autopilot.switches.update({"bulk_list": now})
        account.upload("churn", range(650))
        _, calls = account.run()
        assert account.members("churn") == emails(range(650))
        assert account.learnt() == {"list_in_bulk": False}
        learning = Counter({BULK: 2, LOOK: 2})
        assert calls == Counter({LISTS: 2, LIST: 1, BULK: 7, LOOK: 1, ADD: 650}) + learning

        account.upload("churn", range(660))
        expected = account.rehearse()
        run, calls = account.run()
        assert calls == Counter({LISTS: 1, BULK: 1, ADD: 10})
        assert run.counts.calls == calls.total() == expected


def test_where_the_only_batch_shows_that_the_account_has_changed_the_next_run_learns() -> None:
    with AutopilotSimulator(bulk_list="honoured") as autopilot:
        account = Account(autopilot, "vip")
        account.upload("vip", range(50))
        account.run()
        autopilot.switches.update({"bulk_list": "ignored"})
        account.upload("vip", range(60))
        account.run()
        assert account.members("vip") == emails(range(60))
        assert account.learnt() == {}
        account.upload("vip", range(70))
        account.run()
        assert account.members("vip") == emails(range(70))
        assert account.learnt() == {"list_in_bulk": False}


def test_a_list_that_is_removed_while_a_run_reads_ends_it_and_the_next_one_makes_it_anew() -> None:
    with AutopilotSimulator(bulk_list="honoured") as autopilot:
        account = Account(autopilot, "vip")
        account.upload("vip", range(400))
        account.run()
        account.upload("vip", range(450))
        run_id = account.plant.order()
        staged = account.plant.stage_all(run_id)
        account.remove_list("vip")
        account.finish(run_id, staged)
        run = account.plant.run_of(run_id)
        assert (run.status, run.failure and run.failure.code) == (RunStatus.FAILED, "list-missing")
        assert account.learnt() == {"list_in_bulk": True}

        run, _ = account.run()
        assert run.status is RunStatus.SUCCESSFUL
        assert account.members("vip") == emails(range(450))


def test_a_list_that_is_removed_while_people_are_put_on_it_is_made_anew_by_the_next_run() -> None:
    with AutopilotSimulator(bulk_list="honoured") as autopilot:
        account = Account(autopilot, "vip")
        account.upload("vip", range(400))
        account.run()
        account.upload("vip", range(900))
        run_id = account.plant.order()
        staged = account.plant.stage_all(run_id)
        prepared = account.plant.prepare(run_id, staged)
        account.remove_list("vip")
        for task in account.plant.tasks(run_id, staged, prepared):
            push(account.plant.context, task)
        account.close(run_id, staged)

        run, _ = account.run()
        assert run.counts.new == 900
        assert account.members("vip") == emails(range(900))
