"""What breaks while runs go on. Everything is whole again when a trouble returns."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import requests

from tests.system.driver import Segpilot

HOUR_S, DAY_S = 3_600.0, 86_400.0
_JUMPS_S = (-3 * DAY_S, -DAY_S, -5 * HOUR_S, -HOUR_S, -90, 90, HOUR_S, 5 * HOUR_S, DAY_S, 3 * DAY_S)
_RETRY_AFTER = (
    None,
    None,
    None,
    "1",
    "2",
    "soon",
    "-5",
    "1000000000",
    "nan",
    "Sat, 01 Jan 2000 00:00:00 GMT",
)
_CALLS_PER_S = (10, 20, 40)

AUTOPILOT_FAULTS: Sequence[dict[str, object]] = (
    {"kind": "server_error", "probability": 0.05, "status": 503},
    {"kind": "server_error", "probability": 0.03, "status": 500, "applied": True},
    {"kind": "server_error", "probability": 0.02, "status": 502},
    {"kind": "throttle", "probability": 0.02},
    {"kind": "reset_before", "probability": 0.025},
    {"kind": "reset_after", "probability": 0.025},
    {"kind": "timeout", "probability": 0.01, "seconds": 1.5},
    {"kind": "timeout", "probability": 0.01, "seconds": 7},
    {"kind": "slow_list", "times": 2, "seconds": 2},
)
"""10 % errors of the server, 5 % resets, 2 % time-outs of calls that took effect, 2 % throttled for no reason."""


@dataclass
class Round:
    """Runs that go on at the same time on one stack. ``log`` tells, in seconds since its beginning, what broke."""

    app: Segpilot
    clock_file: Path
    connections: Sequence[str]
    over: threading.Event = field(default_factory=threading.Event)
    began_at: float = field(default_factory=time.monotonic)
    kills: list[float] = field(default_factory=list)
    problems: list[BaseException] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def elapsed_s(self) -> float:
        return time.monotonic() - self.began_at

    def note(self, what: str) -> None:
        self.log.append(f"{self.elapsed_s():.1f} {what}")

    def wait(self, chance: Random, at_least_s: float, at_most_s: float) -> bool:
        """Wait for a random time; False when the round was over before."""
        return not self.over.wait(chance.uniform(at_least_s, at_most_s))


def kill_host(round_: Round, chance: Random) -> None:
    """SIGKILL, 1 to 5 times."""
    for _ in range(chance.randint(1, 5)):
        if not round_.wait(chance, 0.5, 10):
            return
        round_.app.stack.kill_host()
        round_.kills.append(round_.elapsed_s())
        round_.note("host killed")
        time.sleep(chance.choice((0, 0, 1, 4)))
        round_.app.stack.start_host()


def freeze_storage(round_: Round, chance: Random) -> None:
    """Storage stands still: it answers nothing, and then everything."""
    if round_.wait(chance, 1, 20):
        seconds = chance.uniform(2, 12)
        round_.note(f"storage frozen for {seconds:.0f} s")
        os.kill(round_.app.stack.storage.child.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(round_.app.stack.storage.child.pid, signal.SIGCONT)


def restart_storage(round_: Round, chance: Random) -> None:
    """Storage is ended in order and started again."""
    if round_.wait(chance, 1, 20):
        round_.note("storage restarted")
        round_.app.stack.restart_storage()


def trouble_vault(round_: Round, chance: Random) -> None:
    """The vault is down; whoever has just been started has no key."""
    if round_.wait(chance, 0, 15):
        seconds, answer = chance.uniform(3, 15), chance.choice((503, 429, "reset"))
        round_.note(f"vault answers {answer} for {seconds:.0f} s")
        round_.app.trouble_vault(unavailable_s=seconds, answer=answer)


def replace_key(round_: Round, chance: Random) -> None:
    """A new key, which ends the old one at once, and comes into the vault some seconds later."""
    if not round_.wait(chance, 2, 20):
        return
    key = f"key-{chance.getrandbits(64):016x}"
    round_.app.simulator.order("key", {"key": key})
    round_.note("key replaced")
    round_.app.stack.autopilot_key = key
    time.sleep(chance.uniform(0, 4))
    for connection in round_.connections:
        name = _persist(lambda connection=connection: round_.app.get(f"connections/{connection}"))[
            "secret_name"
        ]
        _persist(lambda name=name: round_.app.put_secret(name, key))
    round_.note("key in the vault")


def make_clock_jump(round_: Round, chance: Random) -> None:
    """The app's clock is set, forwards and backwards, and back to where it was at the end."""
    for _ in range(chance.randint(1, 3)):
        if not round_.wait(chance, 1, 12):
            break
        offset_s = chance.choice(_JUMPS_S)
        round_.clock_file.write_text(str(offset_s), encoding="ascii")
        round_.note(f"clock off by {offset_s:+.0f} s")
    round_.wait(chance, 5, 30)
    round_.clock_file.write_text("0", encoding="ascii")
    round_.note("clock right")


def throttle(round_: Round, chance: Random) -> None:
    """Autopilot's limit changes every few seconds, and with it what an answer says to a call that is too many."""
    while round_.wait(chance, 1, 8):
        limit = {
            "rate": chance.choice(_CALLS_PER_S),
            "rate_burst": chance.choice((1, 5, None)),
            "rate_retry_after": chance.choice(_RETRY_AFTER),
        }
        round_.app.simulator.order("switches", limit)


TROUBLES: dict[str, Callable[[Round, Random], None]] = {
    "storage frozen": freeze_storage,
    "storage restarted": restart_storage,
    "vault down": trouble_vault,
    "key replaced": replace_key,
    "clock jumps": make_clock_jump,
}


def cancel(round_: Round, chance: Random, run_id: str) -> None:
    """Somebody cancels the run in the middle."""
    if round_.wait(chance, 5, 60):
        round_.note(f"{run_id} cancelled")
        with contextlib.suppress(AssertionError):  # it may have ended
            _persist(lambda: round_.app.post(f"runs/{run_id}/cancel"))


def _persist(ask: Callable[[], object]) -> object:
    """Ask again until there is an answer: the host may be dead at this moment."""
    for _ in range(60):
        try:
            return ask()
        except requests.RequestException:
            time.sleep(0.5)
        except AssertionError as refused:
            if ": 5" not in str(refused):
                raise
            time.sleep(0.5)
    return ask()
