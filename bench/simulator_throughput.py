"""How many bulk calls of 100 contacts the Autopilot simulator takes per second.

The simulator runs in its own process; this one sends ready-made requests from blocking sockets with keep-alive. Two
passes over the same contacts: the first creates them, the second changes them.

    python bench/simulator_throughput.py [--connections 16] [--calls 3000] [--state]

Prints calls per second and contacts per second; exits with 1 when a pass is slower than ``--at-least``.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

KEY = "c0ffee00c0ffee00c0ffee00c0ffee00"
CONTACTS_PER_CALL = 100


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--at-least", type=float, default=1_000.0, help="calls per second")
    parser.add_argument("--state", action="store_true", help="let the simulator keep its state in a file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "devkit.autopilot", "--key", KEY]
        if options.state:
            command += ["--state", str(Path(folder, "autopilot.sqlite"))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            requests = [build_request(number) for number in range(options.calls)]
            rates = [measure(name, port, requests, options.connections) for name in ("create", "update")]
        finally:
            process.terminate()
            process.wait()
    return 0 if min(rates) >= options.at_least else 1


def build_request(number: int) -> bytes:
    """Return a whole HTTP request with 100 contacts of about 250 bytes each."""
    contacts = [
        {
            "Email": f"person.{number * CONTACTS_PER_CALL + place}@customers.example.com",
            "FirstName": "Ada",
            "LastName": f"Lovelace {place}",
            "Company": "Engines Ltd",
            "MailingCountry": "United Kingdom",
            "custom": {
                "string--Loyalty--Tier": "gold",
                "integer--Orders": place,
                "date--Last--Order": "2024-05-01T00:00:00.000Z",
            },
        }
        for place in range(CONTACTS_PER_CALL)
    ]
    body = json.dumps({"contacts": contacts}, separators=(",", ":")).encode()
    head = (
        f"POST /v1/contacts HTTP/1.1\r\nHost: 127.0.0.1\r\nautopilotapikey: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def measure(name: str, port: int, requests: list[bytes], connections: int) -> float:
    """Send all requests over ``connections`` sockets; return calls per second."""
    failures: list[Exception] = []

    def send_share(first: int) -> None:
        try:
            send_all(port, requests[first::connections])
        except (OSError, ValueError) as error:
            failures.append(error)

    threads = [threading.Thread(target=send_share, args=(first,)) for first in range(connections)]
    started_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed_s = time.perf_counter() - started_s
    if failures:
        raise failures[0]
    rate = len(requests) / elapsed_s
    print(f"{name}: {rate:,.0f} calls/s, {rate * CONTACTS_PER_CALL:,.0f} contacts/s, {len(requests):,} calls")
    return rate


def send_all(port: int, requests: list[bytes]) -> None:
    """Send one request after the other. Raises ValueError when an answer is not 200."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for request in requests:
            connection.sendall(request)
            read_answer(connection)


def read_answer(connection: socket.socket) -> None:
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += receive(connection)
    head = bytes(received[:end])
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(head.decode("latin-1"))
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(received) < end + 4 + length:
        received += receive(connection)


def receive(connection: socket.socket) -> bytes:
    data = connection.recv(256 * 1024)
    if not data:
        raise ConnectionError("The simulator closed the connection.")
    return data


if __name__ == "__main__":
    sys.exit(main())
