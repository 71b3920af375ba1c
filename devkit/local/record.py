"""What `status` and `stop` know about a stack that another process runs: one JSON file, no secrets in it."""

import os
from pathlib import Path

from pydantic import BaseModel

from devkit.local import processes


class StackRunsAlreadyError(RuntimeError):
    """Another process runs a stack on the same state folder."""


class Part(BaseModel):
    """One child process."""

    name: str
    url: str
    log: Path
    pid: int
    born: str | None

    @property
    def runs(self) -> bool:
        return self.born is not None and processes.birth(self.pid) == self.born


class Record(BaseModel):
    """The process that owns the stack and the parts it has started, in the order of their start."""

    pid: int
    born: str | None
    parts: list[Part] = []

    @property
    def runs(self) -> bool:
        """Whether the owner is alive."""
        return self.born is not None and processes.birth(self.pid) == self.born


class RecordFile:
    """`stack.json` in the state folder."""

    def __init__(self, state: Path) -> None:
        self._path = state / "stack.json"

    def read(self) -> Record | None:
        """Return the record, or None when nothing was started or all was ended in order."""
        try:
            return Record.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def claim(self) -> Record:
        """Make this process the owner. Ends what a killed owner left behind.

        Raises StackRunsAlreadyError while the present owner is alive.
        """
        found = self.read()
        if found is not None and found.runs:
            raise StackRunsAlreadyError(
                f"It runs already, in process {found.pid}: python -m devkit stop ends it."
            )
        if found is not None:
            end_parts(found)
        record = Record(pid=os.getpid(), born=processes.birth(os.getpid()))
        self.write(record)
        return record

    def write(self, record: Record) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".new")
        aside.write_text(record.model_dump_json(indent=1), encoding="utf-8")
        aside.replace(self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def end_parts(record: Record) -> list[str]:
    """End the parts that still run, last first; return their names."""
    return [
        part.name
        for part in reversed(record.parts)
        if part.born is not None and processes.end(part.pid, part.born, grace_s=15)
    ]
