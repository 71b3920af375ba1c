"""The floor: requests that were made before, over raw sockets that are kept open. Nothing is faster than that."""

import os
import threading

import orjson

from bench.rivals.common.contest import Order, batches, measure, read_order
from bench.simulator_throughput import send_all

IN_FLIGHT = int(os.environ["CONTEST_IN_FLIGHT"])


def make_requests(order: Order) -> list[bytes]:
    host, _, path = order.url.removeprefix("http://").partition("/")
    headers = "".join(f"{name}: {value}\r\n" for name, value in order.headers.items())
    requests = []
    for batch in batches(order):
        body = orjson.dumps({"contacts": batch})
        head = (
            f"POST /{path}/contacts HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def main() -> None:
    order = read_order()
    requests, port = make_requests(order), int(order.url.removeprefix("http://127.0.0.1:").partition("/")[0])

    def send(_order: Order) -> None:
        threads = [
            threading.Thread(target=send_all, args=(port, requests[first::IN_FLIGHT]))
            for first in range(IN_FLIGHT)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    measure(send)


if __name__ == "__main__":
    main()
