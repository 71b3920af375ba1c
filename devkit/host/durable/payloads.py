"""What the durable HTTP API shows: statuses, histories, links and the value of a durableClient binding.

Shapes are those of the extension's HttpApiHandler and of azure-functions-durable 1.7.0, which reads them
(models/DurableOrchestrationClient.py, models/DurableOrchestrationBindings.py).
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from devkit.host.durable.events import CREATED, Event, EventType, iso
from devkit.host.durable.instances import Instance

PUBLIC_PATH = "/runtime/webhooks/durabletask"
RPC_PATH = "/durabletask"

_OPERATIONS = {
    "sendEventPostUri": "/raiseEvent/{eventName}",
    "terminatePostUri": "/terminate?reason={text}",
    "rewindPostUri": "/rewind?reason={text}",
    "restartPostUri": "/restart",
    "suspendPostUri": "/suspend?reason={text}",
    "resumePostUri": "/resume?reason={text}",
}
_NAMES = {
    EventType.SUB_ORCHESTRATION_COMPLETED: "SubOrchestrationInstanceCompleted",
    EventType.SUB_ORCHESTRATION_FAILED: "SubOrchestrationInstanceFailed",
}
_HIDDEN = CREATED | {EventType.ORCHESTRATOR_STARTED, EventType.ORCHESTRATOR_COMPLETED}


def common_query(hub: str, connection: str, system_key: str | None) -> str:
    """The query that every public URL of the API carries."""
    key = {"code": system_key} if system_key else {}
    return urlencode({"taskHub": hub, "connection": connection, **key})


def management_urls(base_url: str, instance_id: str, query: str) -> dict[str, str]:
    """Public URLs to manage an instance."""
    instance_url = f"{base_url}{PUBLIC_PATH}/instances/{quote(instance_id)}"
    urls = {"id": instance_id, "statusQueryGetUri": f"{instance_url}?{query}"}
    for name, path in _OPERATIONS.items():
        urls[name] = f"{instance_url}{path}{'&' if '?' in path else '?'}{query}"
    urls["purgeHistoryDeleteUri"] = f"{instance_url}?{query}"
    return urls


def binding(base_url: str, rpc_base_url: str, hub: str, connection: str, query: str) -> str:
    """The JSON text a function gets for its durable client parameter."""
    create = f"{base_url}{PUBLIC_PATH}/orchestrators/{{functionName}}[/{{instanceId}}]?"
    wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&"
    return json.dumps(
        {
            "taskHubName": hub,
            "connectionName": connection,
            "creationUrls": {
                "createNewInstancePostUri": create + query,
                "createAndWaitOnNewInstancePostUri": create + wait + query,
            },
            "managementUrls": management_urls(base_url, "INSTANCEID", query),
            "baseUrl": f"{base_url}{PUBLIC_PATH}",
            "requiredQueryStringParameters": query,
            "rpcBaseUrl": f"{rpc_base_url}{RPC_PATH}/",
        }
    )


def status_payload(
    instance: Instance, *, show_input: bool = True, history: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """An instance as the status request shows it; times have whole seconds, as in Azure."""
    payload = {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status,
        "input": _value(instance.input) if show_input else None,
        "customStatus": _value(instance.custom_status),
        "output": _value(instance.output),
        "createdTime": _seconds(instance.created_us),
        "lastUpdatedTime": _seconds(instance.updated_us),
    }
    return payload if history is None else {**payload, "historyEvents": history}


def history_payload(events: Iterable[Event], *, show_output: bool) -> list[dict[str, Any]]:
    """A history for readers: the beginnings of tasks are folded into their ends, bookkeeping is left out."""
    created: dict[int, Event] = {}
    shown = []
    for event in events:
        kind = EventType(event["EventType"])
        if kind in CREATED:
            created[event["EventId"]] = event
        if kind in _HIDDEN:
            continue
        entry: dict[str, Any] = {"EventType": _NAMES.get(kind) or kind.name.title().replace("_", "")}
        entry["Timestamp"] = event["Timestamp"]
        number: Any = event.get("TaskScheduledId", event.get("TimerId"))
        begun = created.get(number)
        if begun is not None:
            entry["ScheduledTime"] = begun["Timestamp"]
        name = (begun or event).get("Name")
        if name is not None:
            entry["Name" if kind == EventType.EVENT_RAISED else "FunctionName"] = name
        entry |= {key: event[key] for key in ("FireAt", "Reason", "OrchestrationStatus") if key in event}
        if show_output:
            entry |= {key: _value(event[key]) for key in ("Input", "Result") if event.get(key)}
            entry |= {"Details": event["Details"]} if event.get("Details") else {}
        shown.append(entry)
    return shown


def error_payload(message: str, error: BaseException) -> dict[str, str]:
    """A refusal, in the words of the extension; `ExceptionMessage` is what the SDK raises."""
    return {
        "Message": message,
        "ExceptionMessage": str(error),
        "ExceptionType": type(error).__name__,
        "StackTrace": "",
    }


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _seconds(at_us: int) -> str:
    return iso(at_us // 1_000_000 * 1_000_000)[:19] + "Z"
