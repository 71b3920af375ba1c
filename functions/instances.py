"""Instances of orchestrations: whether there is one, and whether it goes on."""

import azure.durable_functions as df
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from functions.problems import OrchestrationUnavailable

ENDED = (
    df.OrchestrationRuntimeStatus.Completed,
    df.OrchestrationRuntimeStatus.Failed,
    df.OrchestrationRuntimeStatus.Terminated,
    df.OrchestrationRuntimeStatus.Canceled,
)
_ERROR_FIELDS = {"Message", "ExceptionMessage"}


async def look_up(
    client: df.DurableOrchestrationClient, instance_id: str
) -> DurableOrchestrationStatus | None:
    """Return the status of an instance, None when there is none.

    Raises OrchestrationUnavailable: the SDK also returns what the extension says of an error of its own as a status
    (azure-functions-durable 1.7, ``get_status``; the extension's ``HttpApiHandler``), which would look like no instance.
    """
    status = await client.get_status(instance_id)
    if status is not None and vars(status).keys() & _ERROR_FIELDS:
        raise OrchestrationUnavailable(
            f"Durable Functions could not tell how '{instance_id}' is.", remedy="Try again in a moment."
        )
    return status if status and status.runtime_status is not None else None


def has_ended(status: DurableOrchestrationStatus) -> bool:
    """Tell whether an instance has ended, well or not. Suspended ones, and those between two generations, have not."""
    return status.runtime_status in ENDED


async def is_going_on(client: df.DurableOrchestrationClient, instance_id: str) -> bool:
    """Tell whether there is such an instance that has not ended. Raises OrchestrationUnavailable."""
    status = await look_up(client, instance_id)
    return status is not None and not has_ended(status)
