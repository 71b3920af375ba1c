"""Uploads: people send segment files through the app, large ones in blocks. See docs/decisions/0010."""

import contextlib
from collections.abc import Mapping

from pydantic import BaseModel

from shared.domain.access import Principal, Role
from shared.domain.errors import Conflict, Invalid
from shared.domain.ports import SegmentUploads, Stores
from shared.domain.record import Clock
from shared.pipeline.journal import Journal
from shared.usecases.segments.upload_names import new_upload_name, segment_of_upload

BLOCK_BYTES = 4 << 20
MAX_BLOCKS = 50_000
"""How many blocks a file may have (Azure documentation, "Put Block List")."""


class Upload(BaseModel):
    """A file that is to come as ``blocks`` numbered from 0, all of ``block_size_bytes`` but the last."""

    name: str
    block_size_bytes: int
    blocks: int


class Uploads:
    """Use cases of uploads, for contributors. A file arrives when its last step is done, all at once.

    No file is ever replaced; names that ``begin`` cannot have given are refused (Invalid). Nothing is kept between
    the steps but the blocks, so that each may go to another worker, and again.
    """

    def __init__(
        self, stores: Stores, files: SegmentUploads, journal: Journal, clock: Clock, *, max_file_mb: int
    ) -> None:
        self._stores, self._files, self._journal, self._clock = stores, files, journal, clock
        self._max_blocks = min(_blocks(max_file_mb << 20), MAX_BLOCKS)
        self._max_bytes = min(max_file_mb << 20, MAX_BLOCKS * BLOCK_BYTES)

    @property
    def max_bytes(self) -> int:
        """The largest file that is taken."""
        return self._max_bytes

    def begin(self, segment: str, file_name: str, size_bytes: int, principal: Principal) -> Upload:
        """Give a file its name. Raises Invalid for names and sizes that cannot be; Conflict when the segment's files
        come from elsewhere."""
        with self._journal.audited(principal, "upload.begin", segment) as details:
            principal.require(Role.CONTRIBUTOR)
            details["size_bytes"] = size_bytes
            name = self._new_name(segment, file_name, size_bytes)
        return Upload(name=name, block_size_bytes=BLOCK_BYTES, blocks=_blocks(size_bytes))

    def add_block(self, name: str, number: int, data: bytes, principal: Principal) -> None:
        """Keep a block, in any order; one that comes again takes the place of the first."""
        principal.require(Role.CONTRIBUTOR)
        segment_of_upload(name, self._clock())
        if not 0 <= number < self._max_blocks:
            raise Invalid(
                f"A file has at most {self._max_blocks:,} blocks.", remedy="Number them from 0, as begun."
            )
        if not 0 < len(data) <= BLOCK_BYTES:
            raise Invalid(
                f"A block has 1 to {BLOCK_BYTES:,} bytes; this one has {len(data):,}.",
                remedy="Cut the file into blocks of the size that the beginning of the upload gave.",
            )
        self._files.stage_block(name, _block_id(number), data)

    def finish(self, name: str, blocks: int, principal: Principal) -> None:
        """Make the file of its blocks; with that it has arrived.

        Raises Invalid with the code ``upload-incomplete`` when blocks are missing or cut short, and Conflict with the
        code ``upload-finished`` when this was done before.
        """
        with self._journal.audited(principal, "upload.finish") as details:
            principal.require(Role.CONTRIBUTOR)
            details["subject"] = segment_of_upload(name, self._clock())
            if not 0 < blocks <= self._max_blocks:
                raise Invalid(
                    f"A file has 1 to {self._max_blocks:,} blocks.", remedy="Give the number of all blocks."
                )
            wanted = [_block_id(number) for number in range(blocks)]
            try:
                sizes = self._files.staged(name)
                _require_whole(sizes, wanted)
                details["size_bytes"] = sum(sizes[block_id] for block_id in wanted)
                self._files.commit(name, wanted)
            except Conflict:
                raise Conflict("This upload is finished already.", code="upload-finished") from None

    def put(self, segment: str, file_name: str, data: bytes, principal: Principal) -> str:
        """Upload a file in one request; returns its name. Raises what ``begin`` raises."""
        with self._journal.audited(principal, "upload.put", segment) as details:
            principal.require(Role.CONTRIBUTOR)
            details["size_bytes"] = len(data)
            name = self._new_name(segment, file_name, len(data))
            # The name is new: a file of this name is this one, of which only the answer was lost.
            with contextlib.suppress(Conflict):
                self._files.put(name, data)
        return name

    def _new_name(self, segment: str, file_name: str, size_bytes: int) -> str:
        name = new_upload_name(segment, file_name, self._clock())
        if size_bytes <= 0:
            raise Invalid(
                "The file is empty.",
                code="file-empty",
                errors=[{"pointer": "/file", "detail": "empty"}],
                remedy="Choose a file with people in it.",
            )
        if size_bytes > self._max_bytes:
            raise Invalid(
                f"The file has {-(-size_bytes >> 20):,} MB; files of up to {self._max_bytes >> 20:,} MB can be"
                " read.",
                code="file-too-large",
                errors=[{"pointer": "/file", "detail": "too large"}],
                remedy="Leave out columns that nobody needs, or have STAGE_MAX_FILE_MB raised.",
            )
        known = self._stores.segments.find(segment)
        if known and known.record.source != f"{segment}/":
            raise Conflict(
                f"Files of the segment '{segment}' come from '{known.record.source}'; others are not used.",
                code="segment-elsewhere",
                remedy="Give the upload a name of its own.",
            )
        return name


def _blocks(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK_BYTES)


def _block_id(number: int) -> str:
    """All block ids of a file have the same length."""
    return f"{number:05d}"


def _require_whole(sizes: Mapping[str, int], wanted: list[str]) -> None:
    """Raise Invalid unless all blocks are there, each but the last of full length."""
    missing = [block_id for block_id in wanted if block_id not in sizes]
    short = [block_id for block_id in wanted[:-1] if sizes.get(block_id, BLOCK_BYTES) != BLOCK_BYTES]
    if wrong := missing + short:
        raise Invalid(
            f"{len(wrong):,} of {len(wanted):,} parts of the file are missing or not whole.",
            code="upload-incomplete",
            errors=[
                {"pointer": f"/blocks/{int(block_id)}", "detail": "missing or not whole"}
                for block_id in wrong[:100]
            ],
            remedy="Send these parts again, then finish the upload.",
        )
