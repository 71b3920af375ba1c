"""How long staging takes and how much memory it needs: python -m bench.stage [ROWS …]

Each size runs in a process of its own, twice: against no ledger, and against a full one with 1 % of the people changed.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.folder_blobs import FolderSegments, FolderState
from shared.adapters.autopilot.encoder import ContactEncoder
from shared.domain.export import FieldMapping, FieldType
from shared.domain.record import utc_now
from shared.domain.segment import Snapshot, SnapshotFile
from shared.pipeline.chunks import read_batches
from shared.pipeline.ledger import accepted_line, load_ledger, load_results, write_ledger
from shared.pipeline.stage_order import StageLimits, StageOrder
from shared.pipeline.staging import stage
from shared.pipeline.workspace import open_database

FIELDS = (
    FieldMapping(field="FirstName", column="FirstName"),
    FieldMapping(field="LastName", column="LastName"),
    FieldMapping(field="MailingCity", column="City"),
    FieldMapping(field="Income", column="Income", type=FieldType.FLOAT),
    FieldMapping(field="Born", column="Born", type=FieldType.DATE),
)


def write_segment(path: Path, rows: int, changed_every: int = 0) -> None:
    """Write a segment of ``rows`` people with 13 columns; every ``changed_every``-th has moved house."""
    with path.open("w", encoding="utf-8") as file:
        file.write("CustomerId,FirstName,LastName,Email,Born,City,Income,A,B,C,D,E,F\n")
        for n in range(rows):
            city = "Cluj-Napoca" if changed_every and n % changed_every == 0 else "Oradea"
            file.write(
                f"c{n:09},Ana{n % 977},Ion{n % 1009},person{n}@example{n % 50}.com,{n % 28 + 1}/1/19{n % 90 + 10},"
                f'{city},"${n % 90 + 10},000 ",a{n},b,c,,{n % 7},"x, y"\n'
            )


def measure(path: Path, state: FolderState, ledger: str | None, memory_mb: int) -> dict[str, float]:
    snapshot = Snapshot(
        id="s",
        segment="bench",
        arrived_at=utc_now(),
        files=(SnapshotFile(name=str(path), etag="", size_bytes=0),),
    )
    order = StageOrder(
        snapshot=snapshot,
        folder="stage/",
        email_column="Email",
        fields=FIELDS,
        make_encoder=ContactEncoder,
        ledger=ledger,
        full=False,
        max_profiles=10**9,
        batch_size=100,
        batches_per_chunk=50,
        keep_profiles=False,
    )
    started = time.perf_counter()
    staged = stage(order, FolderSegments(), state, StageLimits(memory_mb, 16_384), lambda _rows: None)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time(), 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "profiles": staged.counts.profiles,
        "to_send": staged.counts.to_send,
        "chunks": staged.chunks,
    }


def make_ledger(folder: Path, state: FolderState, chunks: int) -> None:
    """Write the ledger that a run would leave behind if everybody were accepted."""
    results = folder / "results.tsv"
    with results.open("w") as file:
        for chunk in range(chunks):
            for batch in read_batches(state, "stage/", chunk):
                file.writelines(
                    accepted_line(p.email, p.content_hash, f"person_{p.origin[1]}", p.origin) for p in batch
                )
    with open_database(folder, 1024) as database:
        load_ledger(database, None)
        load_results(database, [results])
        write_ledger(database, folder / "ledger.parquet", FIELDS)
    state.upload("ledger.parquet", folder / "ledger.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[100_000, 2_000_000])
    parser.add_argument("--memory-mb", type=int, default=256)
    parser.add_argument("--child", nargs=3, metavar=("CSV", "STATE", "LEDGER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        csv, state, ledger = arguments.child
        print(json.dumps(measure(Path(csv), FolderState(Path(state)), ledger or None, arguments.memory_mb)))
        return
    for rows in arguments.rows:
        with TemporaryDirectory() as name:
            folder = Path(name)
            state = FolderState(folder / "state")

            def child(csv: Path, ledger: str, state_folder: Path = folder / "state") -> dict[str, float]:
                command = [sys.executable, "-m", "bench.stage", "--memory-mb", str(arguments.memory_mb)]
                command += ["--child", str(csv), str(state_folder), ledger]
                return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

            write_segment(folder / "first.csv", rows)
            first = child(folder / "first.csv", "")
            print(json.dumps({"rows": rows, "ledger": "none", **first}), flush=True)
            make_ledger(folder, state, int(first["chunks"]))
            write_segment(folder / "second.csv", rows, changed_every=100)
            print(
                json.dumps(
                    {"rows": rows, "ledger": "full", **child(folder / "second.csv", "ledger.parquet")}
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
