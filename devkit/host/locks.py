"""Locks of hosts on what they keep in files. A lock ends with its process, however that ends."""

import asyncio
import fcntl
from pathlib import Path
from typing import TextIO

from devkit.host.settings import SettingsError

_POLL_S = 0.2


def lock_state(state_dir: Path, *, shared: bool) -> TextIO:
    """Keep other hosts away from this state, unless all of them share it. Raises SettingsError when one uses it."""
    file = (state_dir / "lock").open("w")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SettingsError(f"another host uses {state_dir}") from error
    return file


async def wait_for_triggers(state_dir: Path) -> TextIO:
    """Wait until no other host that shares this state serves its blob and timer triggers; then it is this one that does.
    Azure has a lease for each timer, and a queue for blobs."""
    file = (state_dir / "triggers").open("w")
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            await asyncio.sleep(_POLL_S)
        else:
            return file
