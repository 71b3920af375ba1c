"""What a change of the mapping leaves as it was: people of whom the new one says nothing that the old one did not.

A ledger knows people by a hash of what was sent, and that follows from the mapping. So with a new mapping every hash
is another one. Whoever has under the *old* mapping still the hash of the ledger, and of whom the fields that are new or
changed say nothing, has not changed: nothing is sent, and the ledger gets the hash of the new mapping.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

from shared.domain.destination import Encoder
from shared.domain.errors import SegmentUnreadable
from shared.domain.export import FieldMapping
from shared.pipeline.staging.columns import pick_columns

NO_FORMER_HASH = 0
"""Stands where a person has to be compared by the new mapping alone."""

HashFormer = Callable[[str, Sequence[object]], int]


def hash_body(body: str) -> int:
    """Return what the ledger knows of a person: 64 bit that identify what is sent."""
    return int.from_bytes(blake2b(body.encode(), digest_size=8).digest(), "big")


class FormerMapping:
    """The mapping of the ledger beside the present one."""

    def __init__(
        self,
        make_encoder: Callable[[Sequence[FieldMapping]], Encoder],
        former: Sequence[FieldMapping],
        present: Sequence[FieldMapping],
    ) -> None:
        self._former = make_encoder(former)
        self._fresh = make_encoder([mapping for mapping in present if mapping not in former])
        self._bare = make_encoder(())

    def bind(self, columns: Sequence[str]) -> HashFormer | None:
        """Return what gives the hash of a row of a file under the former mapping, by e-mail and the row's values.

        It gives NO_FORMER_HASH for people whom new or changed fields fill. None when the file lacks a column of a
        mapping: then nobody can be compared by it.
        """
        try:
            pick_former = pick_columns(columns, self._former.columns)
            pick_fresh = pick_columns(columns, self._fresh.columns)
        except SegmentUnreadable:
            return None
        former, fresh, bare = self._former.encode, self._fresh.encode, self._bare.encode

        def hash_former(email: str, values: Sequence[object]) -> int:
            if fresh(email, pick_fresh(values)) != bare(email, ()):
                return NO_FORMER_HASH
            return hash_body(former(email, pick_former(values)))

        return hash_former
