"""What clients do with instances and entities: the operations behind the HTTP API."""

import asyncio
import re
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from devkit.host.durable import entities, instances, queries
from devkit.host.durable.clock import Clock
from devkit.host.durable.instances import Instance
from devkit.host.durable.queries import Filter, Page
from devkit.host.durable.store import Changes, Store, Transaction
from devkit.host.durable.versions import Versions
from devkit.host.tracing import make_place

P = ParamSpec("P")
T = TypeVar("T")

_INSTANCE_ID = re.compile(r"(?!@)[^/\\#?\x00-\x1f\x7f-\x9f]{1,100}")


class UnknownFunctionError(instances.DurableError):
    """No function of the app has this name and kind."""


class Functions(Protocol):
    """The names of the functions that can be started or signalled."""

    @property
    def orchestrators(self) -> Collection[str]: ...

    @property
    def entities(self) -> Collection[str]: ...


class Operations:
    """May be awaited in any event loop; what they change is on disk when they return."""

    def __init__(self, store: Store, functions: Functions, clock: Clock, versions: Versions) -> None:
        self.clock = clock
        self._versions = versions
        self._store = store
        self._functions = functions
        self._waiters: dict[str, list[Future[None]]] = {}

    async def start(
        self,
        name: str,
        instance_id: str | None,
        input_text: str | None,
        version: str | None = None,
        trace_parent: str | None = None,
    ) -> str:
        """Start an orchestration and return its id; `input_text` is JSON text, `version` instead of host.json's.
        Without `trace_parent` it begins a trace.

        An instance of this id that has ended is replaced. Raises UnknownFunctionError, InstanceExistsError, ValueError
        (an id that Azure refuses).
        """
        if name not in self._functions.orchestrators:
            raise UnknownFunctionError(
                f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
            )
        if instance_id is None:
            instance_id = uuid.uuid4().hex
        elif not _INSTANCE_ID.fullmatch(instance_id):
            raise ValueError(
                "Instance IDs have 1 to 100 characters, none of them /, \\, #, ? or a control character, "
                "and do not begin with @."
            )
        version = version or self._versions.default
        now_us = self.clock.now_us()
        place = trace_parent or make_place()
        await self._submit(
            instances.create, name, instance_id, input_text, now_us, version=version, trace_parent=place
        )
        return instance_id

    async def status(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        return await self._submit(instances.find, instance_id)

    async def history(self, instance_id: str) -> list[str]:
        """The events of the current execution as JSON texts."""
        return await self._submit(instances.history, instance_id)

    async def list(self, wanted: Filter, *, size: int = 100, continuation: str | None = None) -> Page:
        """A page of the instances that match; raises ValueError for a foreign continuation token."""
        return await self._submit(queries.list_page, wanted, size, continuation)

    async def raise_event(self, instance_id: str, name: str, value_text: str | None) -> None:
        """Send an external event; `value_text` is JSON text. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.raise_event, instance_id, name, value_text, self.clock.now_us())

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """End an instance at once. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.terminate, instance_id, reason, self.clock.now_us())

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """Hold an instance after its current turn. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.suspend, instance_id, reason, self.clock.now_us())

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """Let a suspended instance go on. Raises InstanceNotFoundError, InstanceEndedError."""
        await self._submit(instances.resume, instance_id, reason, self.clock.now_us())

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Start anew with the same function and input; return the id. Raises InstanceNotFoundError, InstanceExistsError."""
        original = await self.status(instance_id)
        if original is None:
            raise instances.InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
        return await self.start(original.name, None if new_id else instance_id, original.input)

    async def purge(self, instance_id: str) -> int:
        """Delete an instance that has ended; return 1, or 0 if it still runs. Raises InstanceNotFoundError."""
        return await self._submit(queries.purge_one, instance_id)

    async def purge_all(self, wanted: Filter) -> int:
        """Delete the instances that match and have ended; return how many."""
        return await self._submit(queries.purge, wanted)

    async def signal_entity(self, name: str, key: str, operation: str, input_text: str | None) -> None:
        """Send an operation to an entity; `input_text` is JSON text. Raises UnknownFunctionError."""
        if entities.find_function(self._functions.entities, name) is None:
            raise UnknownFunctionError(
                f"The function '{name}' doesn't exist, is disabled, or is not an entity function."
            )
        target, message = entities.entity_id(name, key), entities.operation(operation, input_text)
        now_us = self.clock.now_us()
        await self._submit(lambda tx: tx.post(target, message, due_us=now_us))

    async def read_entity(self, name: str, key: str) -> str | None:
        """The state of an entity as JSON text, or None if it does not exist."""
        return await self._submit(entities.read, entities.entity_id(name, key))

    async def wait_until_ended(self, instance_id: str, timeout_s: float | None = None) -> Instance:
        """The instance once it has ended. Raises TimeoutError, InstanceNotFoundError."""
        async with asyncio.timeout(timeout_s):
            while True:
                ended: Future[None] = Future()
                waiters = self._waiters.setdefault(instance_id, [])
                waiters.append(ended)  # before the look at the status, so that no end is missed
                try:
                    instance = await self.status(instance_id)
                    if instance is None:
                        raise instances.InstanceNotFoundError(f"No instance with ID '{instance_id}' found.")
                    if instance.has_ended:
                        return instance
                    await asyncio.wrap_future(ended)
                finally:
                    if ended in waiters:
                        waiters.remove(ended)

    def _submit(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._store.submit(operation, *args, **kwargs))

    def _tell_all_waiters(self) -> None:
        self._tell_waiters(Changes(ended=set(self._waiters)))

    def _tell_waiters(self, changes: Changes) -> None:
        for instance_id in changes.ended:
            for waiter in self._waiters.pop(instance_id, []):
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(None)
