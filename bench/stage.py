"""How long staging takes and how much memory it needs: python -m bench.stage [ROWS …]

Each size runs several times, each in a process of its own: against no ledger; against a full one with 1 % of the
people changed; with 1 % who have left and are taken off; and under another mapping, which 1 % of the people notice.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.folder_blobs import FolderSegments, FolderState
from shared.adapters.autopilot.encoder import ContactEncoder
from shared.domain.export import FieldMapping, FieldType, Leavers
from shared.domain.record import utc_now
from shared.domain.segment import Snapshot, SnapshotFile
from shared.pipeline.ledger import accepted_line, load_ledger, load_results, write_ledger
from shared.pipeline.staging.chunks import read_batches
from shared.pipeline.staging.order import StageLimits, StageOrder
from shared.pipeline.staging.stage import stage
from shared.pipeline.workspace import open_database

FIELDS = (
    FieldMapping(field="FirstName", column="FirstName"),
    FieldMapping(field="LastName", column="LastName"),
    FieldMapping(field="MailingCity", column="City"),
    FieldMapping(field="Income", column="Income", type=FieldType.FLOAT),
    FieldMapping(field="Born", column="Born", type=FieldType.DATE),
)
ONE_MORE = (*FIELDS, FieldMapping(field="Company", column="Company"))


def write_segment(path: Path, rows: int, *, changed: bool = False, left: bool = False) -> None:
    """Write a segment of ``rows`` people with 13 columns; every 100th works for somebody.

    Every 100th has moved house when ``changed``, and is not there when they have ``left``.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write("CustomerId,FirstName,LastName,Email,Born,City,Income,A,B,C,Company,E,F\n")
        for n in range(rows):
            if left and n % 100 == 0:
                continue
            city = "Cluj-Napoca" if changed and n % 100 == 0 else "Oradea"
            company = "Ours" if n % 100 == 0 else ""
            file.write(
                f"c{n:09},Ana{n % 977},Ion{n % 1009},person{n}@example{n % 50}.com,{n % 28 + 1}/1/19{n % 90 + 10},"
                f'{city},"${n % 90 + 10},000 ",a{n},b,c,{company},{n % 7},"x, y"\n'
            )


def measure(
    path: Path, state: FolderState, ledger: str | None, memory_mb: int, fields: Sequence[FieldMapping]
) -> dict[str, float]:
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
        fields=tuple(fields),
        leavers=Leavers.REMOVE,
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
        "peak_mb": peak_mb(),
        "profiles": staged.counts.profiles,
        "to_send": staged.counts.to_send,
        "chunks": staged.chunks,
        "leavers": staged.counts.leavers if staged.leaver_chunks else 0,
    }


def peak_mb() -> int:
    """The most memory of this process, in Linux' words. What ``resource`` tells may be its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


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
    parser.add_argument(
        "--child", nargs=4, metavar=("CSV", "STATE", "LEDGER", "FIELDS"), help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    if arguments.child:
        csv, state_folder, ledger, fields = arguments.child
        chosen = ONE_MORE if fields else FIELDS
        print(
            json.dumps(
                measure(
                    Path(csv), FolderState(Path(state_folder)), ledger or None, arguments.memory_mb, chosen
                )
            )
        )
        return
    for rows in arguments.rows:
        with TemporaryDirectory() as name:
            folder = Path(name)
            state = FolderState(folder / "state")

            def child(
                csv: Path, ledger: str, fields: str = "", state_folder: Path = folder / "state"
            ) -> dict[str, float]:
                command = [sys.executable, "-m", "bench.stage", "--memory-mb", str(arguments.memory_mb)]
                command += ["--child", str(csv), str(state_folder), ledger, fields]
                return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

            def tell(case: str, figures: dict[str, float], rows: int = rows) -> None:
                print(json.dumps({"rows": rows, "case": case, **figures}), flush=True)

            write_segment(folder / "first.csv", rows)
            first = child(folder / "first.csv", "")
            tell("first run", first)
            make_ledger(folder, state, int(first["chunks"]))
            write_segment(folder / "next.csv", rows, changed=True)
            tell("changes", child(folder / "next.csv", "ledger.parquet"))
            write_segment(folder / "next.csv", rows, left=True)
            tell("leavers", child(folder / "next.csv", "ledger.parquet"))
            tell("another mapping", child(folder / "first.csv", "ledger.parquet", "one more"))


if __name__ == "__main__":
    main()
