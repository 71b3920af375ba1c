"""A destination of Airbyte's CDK, fed through a pipe as by a source."""

# ruff: noqa: ARG002 (the framework decides what a function is called with)

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from logging import Logger
from pathlib import Path
from typing import Any

import orjson
import requests
from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    ConfiguredAirbyteCatalog,
    ConnectorSpecification,
    Status,
    Type,
)
from contest import BATCH_SIZE, Order, measure

CATALOG = {
    "streams": [
        {
            "stream": {"name": "people", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "append",
        }
    ]
}


class Autopilot(Destination):
    """Sends batches of 100, and passes states on once everything before them was sent."""

    def __init__(self, order: Order) -> None:
        self._url, self._session, self._batch = f"{order.url}/contacts", requests.Session(), list[Any]()
        self._session.headers.update(order.headers)

    def spec(self, *_args: object) -> ConnectorSpecification:
        return ConnectorSpecification(connectionSpecification={"type": "object", "properties": {}})

    def check(self, logger: Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def write(
        self,
        config: Mapping[str, Any],
        configured_catalog: ConfiguredAirbyteCatalog,
        input_messages: Iterable[AirbyteMessage],
    ) -> Iterable[AirbyteMessage]:
        for message in input_messages:
            if message.type is Type.RECORD and message.record:
                self._batch.append(message.record.data)
                if len(self._batch) == BATCH_SIZE:
                    self._flush()
            elif message.type is Type.STATE:
                self._flush()
                yield message
        self._flush()

    def _flush(self) -> None:
        if self._batch:
            body = orjson.dumps({"contacts": self._batch})
            self._session.post(self._url, data=body).raise_for_status()
            self._batch.clear()


def send(order: Order) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("config", {}), ("catalog", CATALOG)):
            Path(folder, f"{name}.json").write_text(json.dumps(content))
        command = [sys.executable, str(Path(__file__).with_name("source.py"))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            sys.stdin = io.TextIOWrapper(process.stdout)
            files = ["--config", f"{folder}/config.json", "--catalog", f"{folder}/catalog.json"]
            Autopilot(order).run(["write", *files])


if __name__ == "__main__":
    measure(send)
