"""Segments: what has arrived."""

from shared.domain.ports import Stores
from shared.domain.segment import Segment


class Segments:
    """Use cases of segments."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def list(self) -> list[Segment]:
        return list(self._stores.segments.all())

    def get(self, name: str) -> Segment:
        """Raises NotFound when nothing has arrived under this name."""
        return self._stores.segments.get(name).record
