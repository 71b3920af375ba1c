import signal
import sys
import time
from pathlib import Path

import pytest

from devkit.child import Child, ChildError
from devkit.local import processes

READY = "print('ready: 1', flush=True); print('ready: 2', flush=True); "
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def start(folder: Path, program: str) -> Child:
    return Child("the part", [sys.executable, "-c", program], log_path=folder / "part.log")


def test_it_is_ready_when_it_has_said_so_often_enough(tmp_path: Path) -> None:
    child = start(tmp_path, READY + "import time; time.sleep(60)")

    assert child.wait_for_output(r"^ready: (\d)", timeout_s=30, count=2) == ["1", "2"]

    child.stop()
    assert child.exit_code == -signal.SIGTERM


def test_one_that_ends_too_early_is_named_with_its_log_and_last_words(tmp_path: Path) -> None:
    child = start(tmp_path, "raise SystemExit('the disk is full')")

    with pytest.raises(ChildError) as caught:
        child.wait_for_output("(never said)", timeout_s=30)

    assert "the part ended with exit code 1" in str(caught.value)
    assert str(tmp_path / "part.log") in str(caught.value)
    assert "the disk is full" in str(caught.value)


def test_one_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    child = start(tmp_path, "import time; time.sleep(60)")

    with pytest.raises(ChildError, match=r"not ready after 0\.1 s"):
        child.wait_for_output("(never said)", timeout_s=0.1)

    child.kill()
    assert child.exit_code == -signal.SIGKILL


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = start(tmp_path, STUBBORN + READY + "time.sleep(60)")
    child.wait_for_output("^(ready)", timeout_s=30)

    child.stop(grace_s=0.2)

    assert child.exit_code == -signal.SIGKILL


def test_what_it_started_itself_does_not_stay_behind(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('worker:', worker.pid, flush=True)\n"
        "worker.wait()\n"
    )
    child = start(tmp_path, program)
    [worker] = child.wait_for_output(r"^worker: (\d+)", timeout_s=30)
    born = processes.birth(int(worker))
    assert born is not None

    child.stop()

    # Its death is not waited for: it is no child of ours.
    deadline = time.monotonic() + 10
    while processes.birth(int(worker)) == born:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_output_of_an_earlier_one_in_the_same_log_does_not_count(tmp_path: Path) -> None:
    start(tmp_path, READY).wait(30)
    second = start(tmp_path, "pass")

    with pytest.raises(ChildError):
        second.wait_for_output("^(ready)", timeout_s=30)


def test_a_pid_that_went_to_another_process_is_left_alone(tmp_path: Path) -> None:
    child = start(tmp_path, READY + "import time; time.sleep(60)")
    child.wait_for_output("^(ready)", timeout_s=30)

    assert not processes.end(child.pid, "born at another time", grace_s=1)
    assert child.exit_code is None
    assert processes.end(child.pid, str(processes.birth(child.pid)), grace_s=10)
    assert child.exit_code == -signal.SIGTERM
