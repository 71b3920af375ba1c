"""What the durable engine calls: the app's orchestrators, activities and entities by name."""

from collections.abc import Iterable

import azure.functions as func

from devkit.host.converters import decode, find_converter
from devkit.host.indexing import IndexedFunction
from devkit.host.invocation import Worker


class DurableInvoker:
    """Orchestrators and entities run at once, in the caller's thread; activities run in the worker.

    A name that is not there raises `KeyError`; what a function raises is passed on.
    """

    def __init__(self, functions: Iterable[IndexedFunction], worker: Worker) -> None:
        functions = list(functions)
        self._worker = worker
        self.orchestrators = _by_name(functions, "orchestrationTrigger", "orchestration")
        self.activities = _by_name(functions, "activityTrigger", "activity")
        self.entities = _by_name(functions, "entityTrigger", "entityName")

    def orchestrate(self, name: str, context_json: str) -> str:
        """Run one turn of an orchestrator and return the SDK's state JSON."""
        function = self.orchestrators[name]
        return str(function.call(**{function.trigger_parameter: func.OrchestrationContext(context_json)}))

    def entity(self, name: str, batch_json: str) -> str:
        """Run a batch of operations and return the SDK's entity state JSON."""
        function = self.entities[name]
        return str(function.call(**{function.trigger_parameter: func.EntityContext(batch_json)}))

    async def activity(self, name: str, input_json: str | None, trace_parent: str) -> str | None:
        """Run an activity with an input that is JSON text and return its result as JSON text."""
        function = self.activities[name]
        value = None if input_json is None else decode("activityTrigger", input_json, "string")
        arguments = {function.trigger_parameter: value}
        result = await self._worker.invoke(function, arguments, trace_parent=trace_parent)
        return str(find_converter("activityTrigger").encode(result, expected_type=None).value)


def _by_name(functions: Iterable[IndexedFunction], trigger: str, name_key: str) -> dict[str, IndexedFunction]:
    return {f.trigger.get(name_key) or f.name: f for f in functions if f.trigger_type == trigger}
