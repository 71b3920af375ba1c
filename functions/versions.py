"""Versions of orchestrations: whoever was started by an earlier version of Segpilot ends as that version would have.

host.json's `defaultVersion` is given to each new instance, and stays with it for life. An orchestrator whose steps change
gets a new way under a raised version, and keeps the old one (docs/upgrades.md says when, and for how long).
"""

from collections.abc import Callable, Mapping

import azure.durable_functions as df

from functions.steps import Steps

FIRST = "1.0"

Ways = Mapping[str, Callable[[df.DurableOrchestrationContext], Steps]]
"""How an orchestrator goes, by the version that brought each way."""


def version_of(context: df.DurableOrchestrationContext) -> str:
    """Return the version of an instance. One from before there were versions has the first."""
    return context.version or FIRST


def go(context: df.DurableOrchestrationContext, ways: Ways) -> Steps:
    """Go the way that was the newest when the instance was started. Raises RuntimeError when that is no longer there."""
    version = version_of(context)
    known = [each for each in ways if _numbers(each) <= _numbers(version)]
    if not known:
        raise RuntimeError(
            f"This was started under version {version} of the orchestrations, which this version of Segpilot no longer "
            "knows. A run goes on in a new orchestration within minutes."
        )
    return (yield from ways[max(known, key=_numbers)](context))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
