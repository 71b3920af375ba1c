"""Who takes part, and how each is started."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.rivals.environments import RIVALS, modules_of, python_of
from shared.settings import Settings

SEGPILOT = "pipeline"
_LANES, _THREADS = (Settings.model_fields[f"push_{name}"].default for name in ("lanes", "threads"))


@dataclass(frozen=True)
class Contender:
    """``start`` returns the command and what it wants in its environment; it raises NotInstallable.

    ``paced``: it takes part when calls are limited. ``bound_by_latency``: it makes one call after the other and has a
    better setting that does not, so that it is measured without latency only.
    """

    name: str
    label: str
    start: Callable[[], tuple[list[str], dict[str, str]]]
    paced: bool = True
    bound_by_latency: bool = False
    settings: dict[str, str] = field(default_factory=dict)


def _python(
    name: str, folder: str, label: str, *, bound_by_latency: bool = False, **settings: object
) -> Contender:
    def start() -> tuple[list[str], dict[str, str]]:
        return [python_of(folder), str(RIVALS / folder / "contender.py")], {}

    return Contender(name, label, start, bound_by_latency=bound_by_latency, settings=_named(settings))


def _node(name: str, folder: str, label: str, **settings: object) -> Contender:
    def start() -> tuple[list[str], dict[str, str]]:
        # Its HTTP library would go through a proxy even to this machine.
        needed = {"CONTEST_MODULES": modules_of(folder), "HTTP_PROXY": "", "HTTPS_PROXY": ""}
        return ["node", str(RIVALS / folder / "contender.cjs")], needed

    return Contender(name, label, start, settings=_named(settings))


def _floor(in_flight: int) -> Contender:
    def start() -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "bench.rivals.floor"], {}

    label = f"floor: ready-made requests, raw sockets, {in_flight} in flight"
    return Contender("floor", label, start, paced=False, settings=_named({"in_flight": in_flight}))


def _segpilot(lanes: int, threads: int, remark: str) -> Contender:
    def start() -> tuple[list[str], dict[str, str]]:
        options = ["--lanes", str(lanes), "--threads", str(threads)]
        return [sys.executable, "-m", "bench.pipeline", *options, "--child"], {}

    return Contender(SEGPILOT, f"**Segpilot's pipeline**, {lanes * threads} in flight{remark}", start)


def _named(settings: dict[str, object]) -> dict[str, str]:
    return {f"CONTEST_{name.upper()}": str(value) for name, value in settings.items()}


CONTENDERS = (
    _segpilot(_LANES, _THREADS, " (as delivered)"),
    _segpilot(2, 16, ""),
    *(_floor(in_flight) for in_flight in (1, 16, 32, 64)),
    *(
        _python("stateless", "stateless", f"script: csv, orjson, aiohttp, {count} in flight", in_flight=count)
        for count in (32, 64)
    ),
    _python("requests", "requests_threads", "script: requests, 16 threads"),
    _node("autopilot-api", "autopilot_api", "autopilot-api (npm), 16 in flight", in_flight=16),
    _python("dlt-jobs", "dlt", "dlt, 20 load jobs", load_jobs=20),
    _python("dlt", "dlt", "dlt, one load job", bound_by_latency=True, load_jobs=1),
    _python("drt", "drt_core", "drt-core"),
    _python("airbyte", "airbyte_cdk", "airbyte-cdk"),
    _python("singer", "singer_sdk", "singer-sdk"),
)
