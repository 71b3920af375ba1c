"""A fan-out of chunks in two shapes, for tests that kill the host while it runs. Every activity leaves a line."""

import os
import time
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

LOG = Path(os.environ["CHUNK_LOG"])
LANES = 4


def note(line: str) -> None:
    with LOG.open("a") as log:
        log.write(line + "\n")


@app.activity_trigger(input_name="chunk")
def push(chunk: dict) -> dict:
    time.sleep(0.01)
    note(f"{chunk['run']} {chunk['number']}")
    return {"number": chunk["number"], "sent": chunk["number"] * 3}


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
