"""What a new instance spends before it answers: python -m bench.cold_start

The deployment package is unpacked and imported, in a process each; then Microsoft's own worker core finds its functions and
answers first requests, over an emulated storage account. What Azure does before and around that is not in these figures.
"""

import argparse
import base64
import compileall
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.markdown import table
from devkit.azurite import AzuriteServer
from devkit.package import REPOSITORY, make

# Made by tests/integration/test_official_worker.py.
WORKER = REPOSITORY / ".venv-worker" / "venv" / "bin" / "python"
DRIVER = Path(__file__).with_name("cold_start_worker.py")

SMALLEST = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp()

@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")
"""
PACKAGES = """
import azure.data.tables
import azurefunctions.extensions.bindings.blob
import opentelemetry.metrics
import opentelemetry.trace
import pydantic
"""
IMPORT = """
import time
started = time.perf_counter()
import function_app
seconds = time.perf_counter() - started
import json, resource, sys
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, len(sys.modules)]))
"""

_PERSON = {
    "auth_typ": "aad",
    "name_typ": "name",
    "role_typ": "roles",
    "claims": [{"typ": "roles", "val": "administrator"}],
}
_SIGNED_IN = {
    "host": "localhost",
    "x-ms-client-principal": base64.b64encode(json.dumps(_PERSON).encode()).decode(),
    "x-ms-client-principal-id": "00000000-0000-0000-0000-000000000001",
    "x-ms-client-principal-name": "somebody",
}
_CLIENT = {
    "taskHubName": "hub",
    "creationUrls": {},
    "managementUrls": {"id": ""},
    "baseUrl": "",
    "requiredQueryStringParameters": "",
    "rpcBaseUrl": "",
}
_PAGE = {
    "function": "answer_portal",
    "inputs": {
        "req": ["http", {"url": "http://localhost/portal/", "headers": _SIGNED_IN, "params": {"path": ""}}],
        "client": ["string", json.dumps(_CLIENT)],
    },
}
REQUESTS = [
    {
        "step": "a first answer of the API (no connections yet)",
        "function": "list_connections",
        "inputs": {"req": ["http", {}]},
    },
    {"step": "a first page of the portal", **_PAGE},
    {"step": "the same page again", **_PAGE},
]
TELEMETRY = {
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
    # Nobody listens there: what is measured is the start, not sending.
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=00000000-0000-0000-0000-000000000000;"
    "IngestionEndpoint=http://127.0.0.1:9/",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3",
}


def measure_import(app: Path, times: int, **more: str) -> list[object]:
    """Return medians of seconds, CPU seconds of the process, peak MB and modules."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **more}
    runs = [_run([sys.executable, "-c", IMPORT], app, environment) for _ in range(times)]
    return _figures(map(median, zip(*runs, strict=True)))


def measure_worker(app: Path, times: int, settings: Mapping[str, str]) -> list[list[object]]:
    """Return a row for each step of the worker: medians of what there was until then."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        **settings,
    }
    runs = [_run([str(WORKER), str(DRIVER), str(app)], app, environment, REQUESTS) for _ in range(times)]
    names = [step["step"] for step in runs[0]]
    columns = ("seconds", "cpu_s", "peak_mb", "modules")
    return [
        [name, *_figures(median(run[place][column] for run in runs) for column in columns)]
        for place, name in enumerate(names)
    ]


def _run(command: list[str], folder: Path, environment: Mapping[str, str], given: object = None) -> Any:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _figures(values: Iterable[float]) -> list[object]:
    seconds, cpu_s, peak_mb, modules = values
    return [f"{seconds:.2f}", f"{cpu_s:.2f}", round(peak_mb), round(modules)]


def _write_app(folder: Path, source: str) -> Path:
    folder.mkdir()
    (folder / "function_app.py").write_text(source, encoding="utf-8")
    (folder / "host.json").write_text('{"version": "2.0"}', encoding="utf-8")
    return folder


def _unpack(folder: Path) -> Path:
    with zipfile.ZipFile(make(REPOSITORY, folder.parent)) as package:
        package.extractall(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7)
    times = parser.parse_args().times
    with TemporaryDirectory() as name, AzuriteServer(Path(name) / "storage") as storage:
        folder = Path(name)
        deployed, compiled = _unpack(folder / "deployed"), _unpack(folder / "compiled")
        compileall.compile_dir(compiled, quiet=1)
        uncached = str(folder / "nothing")
        imports = [
            ["an app with one function", *measure_import(_write_app(folder / "smallest", SMALLEST), times)],
            [
                "the same, importing the packages that Segpilot's functions are bound to",
                *measure_import(_write_app(folder / "packages", PACKAGES + SMALLEST), times),
            ],
            ["Segpilot with bytecode of its own", *measure_import(compiled, times)],
            ["Segpilot as `azd` deploys it, without", *measure_import(deployed, times)],
            [
                "Segpilot and all packages without bytecode",
                *measure_import(deployed, times, PYTHONPYCACHEPREFIX=uncached),
            ],
        ]
        settings = {
            "SEGMENT_STORAGE": storage.connection_string,
            "STATE_STORAGE": storage.connection_string,
            "SEGMENTS_CONTAINER": "segments",
            "KEY_VAULT_URL": "https://localhost:8443",
            "WEBSITE_AUTH_ENABLED": "True",
        }
        quiet = measure_worker(deployed, times, settings)
        telling = measure_worker(deployed, times, {**settings, **TELEMETRY})
    head = ["s", "CPU s", "peak MB", "modules"]
    print("## Cold start\n")
    print(
        f"Medians of {times} new processes each, files in the cache of the system. Seconds are those of the import, CPU seconds and "
        "megabytes those of the process.\n"
    )
    print(table(["`import function_app`", *head], imports))
    print(
        "\nThe package as `azd` deploys it in Microsoft's worker core (`azure-functions-runtime`), from the start of the process "
        "on, over Azurite; with telemetry as in Azure, and without:\n"
    )
    rows = [[step[0], *step[1:], *told[1:4]] for step, told in zip(quiet, telling, strict=True)]
    print(table(["until", *head, "with telemetry: s", "CPU s so", "peak MB so"], rows))


if __name__ == "__main__":
    main()
