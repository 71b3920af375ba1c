"""What a start and first requests cost inside Microsoft's own worker: `cold_start_worker.py APP_DIR < requests.json`.

Runs in the venv of tests/integration/test_official_worker.py. Requests are invocations as its driver takes them. Prints
a list of {"step", "seconds", "cpu_s", "peak_mb", "modules"}; CPU seconds and megabytes are those of the process so far.
"""

import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STARTED = time.perf_counter()


def note(steps: list[dict[str, Any]], step: str) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    steps.append(
        {
            "step": step,
            "seconds": time.perf_counter() - STARTED,
            "cpu_s": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss / 1024,
            "modules": len(sys.modules),
        }
    )


async def start(app_dir: Path, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    import azure_functions_runtime as worker
    from official_worker_driver import StatusResult, envelope, invoke

    note(steps, "the worker itself")
    worker.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(app_dir))
    answer = await worker.worker_init_request(envelope(worker_init_request=init))
    if answer.result.status != StatusResult.Success:
        raise RuntimeError(answer.result.exception.message)
    indexed = (await worker.functions_metadata_request(envelope())).function_metadata_results or []
    note(steps, "all functions found")
    ids = {function.name: function.function_id for function in indexed}
    for request in requests:
        answered = await invoke(worker, ids[request["function"]], request)
        if answered.get("fault") or answered["value"]["status"] != "200":
            raise RuntimeError(f"{request['function']}: {answered}")
        note(steps, request["step"])
    return steps


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(Path(__file__).parents[1] / "tests" / "integration")]
    print("\n" + json.dumps(asyncio.run(start(folder, json.load(sys.stdin)))), flush=True)
    os._exit(0)  # the worker's threads are of no interest any more
