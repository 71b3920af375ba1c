"""Files that lie in the container although nobody was told of them: an event was lost, or could not be delivered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from heapq import nlargest

from shared.domain.access import Principal, Role
from shared.domain.errors import NotFound
from shared.domain.ports import SegmentBlobs, Stores
from shared.domain.segment import SnapshotFile
from shared.pipeline.journal import Journal
from shared.pipeline.layouts.names import ManifestFile, classify

_NOTICED_WITHIN = timedelta(minutes=10)
_LOOKED_BACK = timedelta(days=1)
_AT_ONCE = 1_000


class Overlooked:
    """Finds what has to be looked at again."""

    def __init__(self, stores: Stores, blobs: SegmentBlobs, journal: Journal) -> None:
        self._stores, self._blobs, self._journal = stores, blobs, journal

    def newest(self, name: str, principal: Principal) -> SnapshotFile:
        """Return the newest file of a segment. One that has never arrived is looked for in the folder of its name.

        Raises NotFound when there is none.
        """
        with self._journal.audited(principal, "segment.look", name) as details:
            principal.require(Role.CONTRIBUTOR)
            known = self._stores.segments.find(name)
            folder = known.record.source if known else f"{name}/"
            # What cannot be the name of a segment is no prefix to ask storage about, either.
            may_be = known or _is_of(name, f"{name}/people.csv")
            blobs = self._blobs.list(folder) if may_be else ()
            files = [(at, file.name, file) for file, at in blobs if _is_of(name, file.name)]
            if not files:
                raise NotFound(
                    f"There is no file of the segment '{name}' in the container.",
                    remedy=f"Upload a file to '{name}/' in the segment container.",
                )
            _, details["file"], newest = max(files, key=lambda each: each[:2])
            return newest

    def recent(self, now: datetime) -> Sequence[SnapshotFile]:
        """Return files of the last day that no segment shows, though there was time to notice them: the newest ones.

        Most of them were noticed, and did not come to anything. Raises StorageUnavailable.
        """
        shown = {
            (file.name, file.etag) for each in self._stores.segments.glance() for file in each.snapshot.files
        }
        found = (
            (at, file.name, file)
            for file, at in self._blobs.list("")
            if _NOTICED_WITHIN < now - at < _LOOKED_BACK
            and (file.name, file.etag) not in shown
            and classify(file.name) is not None
        )
        return [file for *_, file in nlargest(_AT_ONCE, found)]


def _is_of(segment: str, name: str) -> bool:
    place = classify(name)
    return place is not None and not isinstance(place, ManifestFile) and place.segment == segment
