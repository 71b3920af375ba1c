"""A plain HTTP client for the simulator's tests, and sockets for what a client library would never send."""

import socket
from typing import Any

import requests

from devkit.autopilot import AutopilotSimulator


class Caller:
    """Calls ``/v1`` with the simulator's key; ``control`` calls ``/control`` without one."""

    def __init__(self, autopilot: AutopilotSimulator) -> None:
        self._url = autopilot.url
        self._session = requests.Session()
        self._session.headers["autopilotapikey"] = autopilot.key or ""

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, f"{self._url}/v1{path}", timeout=20, **options)

    def control(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, f"{self._url}/control{path}", timeout=20, **options)

    def upsert(self, **contact: Any) -> requests.Response:
        return self("POST", "/contact", json={"contact": contact})

    def bulk(self, *contacts: Any) -> requests.Response:
        return self("POST", "/contacts", json={"contacts": contacts})

    def read(self, id_or_email: str) -> dict[str, Any]:
        return self("GET", f"/contact/{id_or_email}").json()

    def create_list(self, name: str) -> str:
        return self("POST", "/list", json={"name": name}).json()["list_id"]


def exchange(autopilot: AutopilotSimulator, *packets: bytes) -> bytes:
    """Send the packets over one connection and return everything that comes back until it is closed."""
    with socket.create_connection(("127.0.0.1", autopilot.port), timeout=20) as connection:
        for packet in packets:
            connection.sendall(packet)
        received = b""
        while data := connection.recv(65536):
            received += data
    return received
