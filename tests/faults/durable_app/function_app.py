"""A fan-out of chunks in three shapes, for tests that kill the host while it runs. Every activity leaves a line."""

import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

LOG = Path(os.environ["CHUNK_LOG"])
LANES = 4


def note(line: str) -> None:
    with LOG.open("a") as log:
        log.write(line + "\n")


def send(chunk: dict) -> dict:
    time.sleep(0.01)
    note(f"{chunk['run']} {chunk['number']}")
    return {"number": chunk["number"], "sent": chunk["number"] * 3}


@app.activity_trigger(input_name="chunk")
def push(chunk: dict) -> dict:
    return send(chunk)


@app.orchestration_trigger(context_name="context")
def plain(context: df.DurableOrchestrationContext):
    """One orchestrator calls every chunk."""
    chunks = context.get_input()
    tasks = [context.call_activity("push", {"run": context.instance_id, "number": n}) for n in range(chunks)]
    results = yield context.task_all(tasks)
    context.set_custom_status({"sent": len(results)})
    return sum(result["sent"] for result in results)


@app.orchestration_trigger(context_name="context")
def lane(context: df.DurableOrchestrationContext):
    """One lane works through its chunks one after the other."""
    job = context.get_input()
    sent = 0
    for number in job["numbers"]:
        result = yield context.call_activity("push", {"run": job["run"], "number": number})
        sent += result["sent"]
    return sent


@app.orchestration_trigger(context_name="context")
def lanes(context: df.DurableOrchestrationContext):
    """Sub-orchestrations share the chunks."""
    chunks = context.get_input()
    jobs = [
        {"run": context.instance_id, "numbers": list(range(first, chunks, LANES))} for first in range(LANES)
    ]
    return sum((yield context.task_all([context.call_sub_orchestrator("lane", job) for job in jobs])))


@app.activity_trigger(input_name="chunk")
def push_at_second_try(chunk: dict) -> dict:
    """Fails until its line is there."""
    seen = LOG.exists() and f"{chunk['run']} {chunk['number']}" in LOG.read_text().splitlines()
    sent = send(chunk)
    if not seen:
        raise ConnectionError("lost on the way")
    return sent


@app.entity_trigger(context_name="context", entity_name="Total")
def total(context: df.DurableEntityContext):
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_state(value)
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def careful_lane(context: df.DurableOrchestrationContext):
    """A lane that retries, rests and counts in an entity."""
    job = context.get_input()
    options = df.RetryOptions(first_retry_interval_in_milliseconds=5, max_number_of_attempts=9)
    for number in job["numbers"]:
        chunk = {"run": job["run"], "number": number}
        result = yield context.call_activity_with_retry("push_at_second_try", options, chunk)
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=5))
        context.signal_entity(df.EntityId("Total", job["run"]), "add", result["sent"])
    return len(job["numbers"])


@app.orchestration_trigger(context_name="context")
def mixed(context: df.DurableOrchestrationContext):
    """Retries, timers and an entity; the answer is what the entity has counted."""
    chunks, run = context.get_input(), context.instance_id
    jobs = [{"run": run, "numbers": list(range(first, chunks, LANES))} for first in range(LANES)]
    yield context.task_all([context.call_sub_orchestrator("careful_lane", job) for job in jobs])
    return (yield context.call_entity(df.EntityId("Total", run), "get"))
