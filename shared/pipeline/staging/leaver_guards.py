"""When nobody is taken off a list: whenever the files cannot prove that somebody has left."""

from shared.domain.export import Leavers
from shared.domain.segment import SnapshotMode
from shared.pipeline.staging.order import StageOrder


def explain_guard(
    order: StageOrder, *, has_ledger: bool, profiles: int, broken_rows: int, leavers: int
) -> str | None:
    """Return in a sentence why leavers stay on the list; None when nothing speaks against taking them off.

    In a delta that goes for people who are not in it; those whom it names as leaving are taken off all the same.
    """
    if order.leavers is not Leavers.REMOVE or order.retry_set is not None:
        return None
    name, mode = f"'{order.snapshot.segment}'", order.snapshot.mode
    if order.ledger_lost:
        return (
            f"Nobody was taken off the list of {name}: the record of whom earlier runs put there is gone. "
            "This run is a new baseline."
        )
    if not has_ledger:
        return f"Nobody was taken off the list of {name}: this is the first run that fills it."
    if mode is SnapshotMode.PARTIAL:
        return f"Nobody was taken off the list of {name}: the files hold only a part of the segment."
    if mode is SnapshotMode.DELTA:
        return (
            f"Off the list of {name} go only people whom the files name as leaving: they hold changes, "
            "not the whole segment."
        )
    if not leavers:
        return None
    if not profiles:
        return (
            f"Nobody was taken off the list of {name}: the files hold nobody who may be exported, "
            f"and {leavers:,} people are on the list."
        )
    if broken_rows:
        return (
            f"Nobody was taken off the list of {name}: {broken_rows:,} rows could not be read, "
            f"and may be some of the {leavers:,} people who were not found."
        )
    return None
