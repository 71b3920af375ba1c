"""A Singer target with a BatchSink of 100, fed through a pipe as by a tap; records are not validated, which is faster."""

import subprocess
import sys
from pathlib import Path

import requests
from contest import BATCH_SIZE, Order, measure, read_order
from singer_sdk import BatchSink, Target
from singer_sdk import typing as types


class Contacts(BatchSink):
    """Sends a batch in one call."""

    max_size = BATCH_SIZE
    include_sdc_metadata_properties = False

    def setup(self) -> None:
        self._order = read_order()
        self._session = requests.Session()
        self._session.headers.update(self._order.headers)

    def process_batch(self, context: dict) -> None:
        url, body = f"{self._order.url}/contacts", {"contacts": context["records"]}
        self._session.post(url, json=body).raise_for_status()


class Autopilot(Target):
    name = "target-autopilot"
    config_jsonschema = types.PropertiesList().to_dict()
    default_sink_class = Contacts


def send(_order: Order) -> None:
    command = [sys.executable, str(Path(__file__).with_name("tap.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        Autopilot(config={"validate_records": False}).listen(process.stdout)


if __name__ == "__main__":
    measure(send)
