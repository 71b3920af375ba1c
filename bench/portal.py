"""How long the portal's pages take, and how much goes over the wire: python -m bench.portal

The local system with 1,000 exports and 10,000 runs stored; each page is asked for one after the other, as a browser does.
"""

import argparse
import re
import time
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import requests

from bench.crowd import fill
from bench.markdown import table
from devkit.local.stack import LocalStack

BUSIEST = "export-000000"
_ASSETS = re.compile(r'(?:href|src)="(/portal/static/[^"]+)"')


def pages(run_id: str, failed_id: str) -> dict[str, str]:
    """Return the address of each page that is measured, by what it shows."""
    return {
        "home": "",
        "exports": "exports",
        "exports, searched": "exports?search=loyal+7",
        "exports by next run": "exports?sort=next_run",
        "an export": f"exports/{BUSIEST}",
        "add export": "exports/new",
        "edit an export": f"exports/{BUSIEST}/edit",
        "schedules": "exports/schedules",
        "runs": "runs",
        "runs of an export": f"runs?export_id={BUSIEST}",
        "runs that failed": "runs?status=Failed",
        "a run that goes on": f"runs/{run_id}",
        "a run that failed": f"runs/{failed_id}",
        "segments": "segments",
        "a segment": "segments/Segment%20007",
        "connections": "connections",
        "a connection": "connections/connection-001",
    }


def fetch(session: requests.Session, address: str) -> tuple[float, int, str]:
    """Return the milliseconds an answer took, its bytes over the wire and its text."""
    started = time.perf_counter()
    answer = session.get(address, stream=True, timeout=30)
    body = answer.raw.read(decode_content=False)
    taken_ms = (time.perf_counter() - started) * 1_000
    answer.raise_for_status()
    headers = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
    text = session.get(address, timeout=30).text if "text/html" in answer.headers["Content-Type"] else ""
    return taken_ms, len(body) + headers, text


def measure(session: requests.Session, address: str, times: int) -> dict[str, float]:
    """Return milliseconds of the first answer, median and 95th percentile of the others, and kB over the wire: of the
    page alone, and with everything it loads, when nothing is kept from before."""
    first_ms, size_bytes, text = fetch(session, address)
    taken_ms = [fetch(session, address)[0] for _ in range(times)]
    root = address.partition("/portal")[0]
    whole_bytes = size_bytes + sum(fetch(session, root + asset)[1] for asset in set(_ASSETS.findall(text)))
    return {
        "first_ms": round(first_ms, 1),
        "median_ms": round(median(taken_ms), 1),
        "p95_ms": round(quantiles(taken_ms, n=20)[-1], 1),
        "page_kb": round(size_bytes / 1_000, 1),
        "whole_kb": round(whole_bytes / 1_000, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name, LocalStack(Path(name)) as stack:
        crowd = fill(stack.connection_string)
        ids = [
            next(run.id for run in reversed(crowd.runs) if run.status == each)
            for each in ("Processing", "Failed")
        ]
        session = requests.Session()
        session.post(f"{stack.host_url}/.auth/login/dev", data={"who": "administrator"}, timeout=30)
        session.headers["Accept-Encoding"] = "gzip"
        root = f"{stack.host_url}/portal"
        rows = [
            [what, *measure(session, f"{root}/{path}", arguments.times).values()]
            for what, path in pages(*ids).items()
        ]
    print("## The portal\n")
    print(
        "The local system with 1,000 exports, 300 segments and 10,000 runs stored (`bench/crowd.py`), asked by one browser: "
        f"milliseconds of the first answer and of {arguments.times} more, and what goes over the wire for the page alone and "
        "with the styles and scripts that it loads when nothing is kept from before.\n"
    )
    print(table(["page", "first ms", "median ms", "95 % ms", "page kB", "whole kB"], rows))


if __name__ == "__main__":
    main()
