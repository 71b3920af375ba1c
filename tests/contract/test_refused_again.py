"""People whom Autopilot refuses for good are tried again by every run: they must not keep others from being sent."""

import pytest

from devkit.autopilot import AutopilotSimulator
from shared.domain.run import RunStatus
from tests.contract.run_on_simulator import Account, emails


@pytest.mark.parametrize("bulk_list", ["honoured", "ignored"])
def test_many_who_are_refused_for_good_stand_in_nobodys_way(bulk_list: str) -> None:
    with AutopilotSimulator(bulk_list=bulk_list) as autopilot:
        account = Account(autopilot, "vip")
        autopilot.faults.poison |= set(emails(range(0, 1_500, 5)))
        account.upload("vip", range(1_500))
        first, _ = account.run()
        assert (first.status, first.counts.refused) == (RunStatus.SUCCESSFUL_WITH_REJECTS, 300)

        account.upload("vip", range(1_510))
        second, _ = account.run()

        assert second.failure is None
        assert (second.status, second.counts.sent) == (RunStatus.SUCCESSFUL_WITH_REJECTS, 10)
        refused = set(range(0, 1_500, 5))
        assert account.members("vip") == emails(number for number in range(1_510) if number not in refused)


def test_a_mapping_that_suits_nobody_still_ends_the_run_early() -> None:
    with AutopilotSimulator() as autopilot:
        account = Account(autopilot, "vip")
        account.upload("vip", range(600))
        account.run()
        account.upload("vip", range(600), moved=range(600))
        autopilot.faults.poison |= set(emails(range(600)))

        run, calls = account.run()

        assert (run.status, run.failure and run.failure.code) == (RunStatus.FAILED, "all-refused")
        assert calls.total() < 500
