"""Blob containers as folders, so that a benchmark measures the pipeline and not the storage emulator."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from shared.domain.errors import NotFound
from shared.domain.segment import SnapshotFile


class FolderSegments:
    """Segment blobs by path."""

    def open(self, file: SnapshotFile) -> BinaryIO:
        return Path(file.name).open("rb")


class FolderState:
    """State blobs below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        path = self._path(name)
        path.write_bytes(data if isinstance(data, bytes) else b"".join(data))

    def write_once(self, name: str, data: bytes) -> bytes:
        path = self._path(name)
        if not path.exists():
            path.write_bytes(data)
        return path.read_bytes()

    def upload(self, name: str, path: Path) -> None:
        shutil.copyfile(path, self._path(name))

    def read(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"There is no stored file '{name}'.") from None

    def stream(self, name: str) -> Iterator[bytes]:
        yield self.read(name)

    def download(self, name: str, path: Path) -> bool:
        source = self._path(name)
        if source.exists():
            shutil.copyfile(source, path)
        return source.exists()

    def names(self, prefix: str) -> list[str]:
        return sorted(
            str(path.relative_to(self._folder))
            for path in self._folder.rglob("*")
            if path.is_file() and str(path.relative_to(self._folder)).startswith(prefix)
        )

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
