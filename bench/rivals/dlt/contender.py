"""dlt with a custom destination of batches of 100, sent by dlt's own client, which repeats what was throttled.

``CONTEST_LOAD_JOBS`` more than 1: so many load jobs at a time, from files of as many people as make each job alike.
"""

# ruff: noqa: ARG001 (the framework decides what a function is called with)

import os
import tempfile

import dlt
from contest import BATCH_SIZE, Contact, Order, contacts, measure
from dlt.common.schema import TTableSchema
from dlt.sources.helpers.requests import Client

LOAD_JOBS = int(os.environ["CONTEST_LOAD_JOBS"])


def send(order: Order) -> None:
    if LOAD_JOBS > 1:
        dlt.config["load.workers"] = LOAD_JOBS
        dlt.config["normalize.data_writer.file_max_items"] = -(-int(os.environ["CONTEST_ROWS"]) // LOAD_JOBS)
    client = Client()

    @dlt.destination(
        batch_size=BATCH_SIZE,
        name="autopilot",
        naming_convention="direct",
        max_table_nesting=0,
        skip_dlt_columns_and_tables=True,
        max_parallel_load_jobs=LOAD_JOBS,
        loader_parallelism_strategy="parallel" if LOAD_JOBS > 1 else "sequential",
    )
    def autopilot(items: list[Contact], table: TTableSchema) -> None:
        client.post(f"{order.url}/contacts", json={"contacts": items}, headers=order.headers)

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("bench", destination=autopilot, pipelines_dir=folder)
        people = dlt.resource(contacts(order), name="people", columns={"custom": {"data_type": "json"}})
        pipeline.run(people, write_disposition="append").raise_on_failed_jobs()


if __name__ == "__main__":
    measure(send)
