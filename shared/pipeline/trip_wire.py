"""The trip-wire: when a run would remove or reject so much that a person has to agree first."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.export import TRIP_WIRE_AT_LEAST, TripWire
from shared.domain.run import Approval, Decision, count_faults
from shared.pipeline.staging.stage import Staged


class Toll(NamedTuple):
    """What a run would cost: people taken off lists, and rows not exported although they should be."""

    removals: int
    rejects: int


class _Part(NamedTuple):
    """So many of so many, in one place."""

    some: int
    whole: int
    place: str


def find_toll(staged: Sequence[Staged]) -> Toll:
    return Toll(sum(part.some for part in _removals(staged)), sum(part.some for part in _rejects(staged)))


def find_reasons(wire: TripWire, staged: Sequence[Staged], approval: Approval | None = None) -> list[str]:
    """Return a sentence for each reason to stop and ask; none when the run may go on.

    Counts are those of the whole run. Shares are looked at per segment, since one broken file must not hide behind
    many good ones, and over all. What was approved may happen, but no more than that.
    """
    toll, reasons = find_toll(staged), list[str]()
    approved = approval if approval and approval.decision is Decision.APPROVED else None
    if not approved or toll.removals > approved.removals:
        if wire.max_removals is not None and toll.removals > wire.max_removals:
            reasons.append(
                f"{toll.removals:,} people would be taken off their lists; the limit is {wire.max_removals:,}."
            )
        reasons += [
            f"{part.some:,} of the {part.whole:,} people on {part.place} would be taken off; {limit}."
            for part, limit in _standing_out(_removals(staged), "all lists together", wire.max_removals_share)
        ]
    if not approved or toll.rejects > approved.rejects:
        if wire.max_rejects is not None and toll.rejects > wire.max_rejects:
            reasons.append(f"{toll.rejects:,} rows would not be sent; the limit is {wire.max_rejects:,}.")
        reasons += [
            f"{part.some:,} of the {part.whole:,} rows of {part.place} would not be sent; {limit}."
            for part, limit in _standing_out(
                _rejects(staged), "all segments together", wire.max_rejects_share
            )
        ]
    return reasons


def _removals(staged: Sequence[Staged]) -> list[_Part]:
    """Leavers who are kept on their list are no removals."""
    return [
        _Part(
            one.counts.leavers if one.leaver_chunks else 0, one.ledger_people, f"the list of '{one.segment}'"
        )
        for one in staged
    ]


def _rejects(staged: Sequence[Staged]) -> list[_Part]:
    return [
        _Part(count_faults(one.rejected), one.counts.rows, f"the segment '{one.segment}'") for one in staged
    ]


def _standing_out(parts: list[_Part], together: str, share: float | None) -> list[tuple[_Part, str]]:
    """Return the parts that are above the share, with what the limit is; all together only when no part is."""
    if share is None:
        return []
    whole = _Part(sum(part.some for part in parts), sum(part.whole for part in parts), together)
    above = [part for part in parts if _is_above(part, share)] or ([whole] if _is_above(whole, share) else [])
    return [
        (part, f"that is {100 * part.some / part.whole:.3g}%, the limit is {100 * share:g}%")
        for part in above
    ]


def _is_above(part: _Part, share: float) -> bool:
    return part.some >= TRIP_WIRE_AT_LEAST and part.some / part.whole > share
