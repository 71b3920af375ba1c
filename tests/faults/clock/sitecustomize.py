"""Python imports this by itself when its folder is on PYTHONPATH: the clock of the app is then set from outside.

``CLOCK_OFFSET_FILE`` holds the seconds by which ``time.time`` is off; whoever writes it makes the clock jump. The local
host's own clock (``time.time_ns``) and everything monotonic stay right: they stand for Azure.
"""

import os
import time

_read_time = time.time
_path = os.environ["CLOCK_OFFSET_FILE"]


def _read_offset_s() -> float:
    try:
        with open(_path, encoding="ascii") as file:  # noqa: PTH123 (called often)
            return float(file.read() or 0)
    except OSError:
        return 0.0


def _read_wrong_time() -> float:
    return _read_time() + _read_offset_s()


time.time = _read_wrong_time
