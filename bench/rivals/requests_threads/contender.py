"""requests with threads, a session for each."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import requests
from contest import Contact, Order, batches, measure

THREADS = 16


def send(order: Order) -> None:
    waiting: Queue[list[Contact] | None] = Queue(maxsize=2 * THREADS)
    broken = threading.Event()

    def taken() -> Iterator[list[Contact]]:
        while batch := waiting.get():
            yield batch

    def send_some() -> None:
        session = requests.Session()
        session.headers.update(order.headers)
        for batch in taken():
            # The queue is emptied all the same: whoever fills it must not wait for ever.
            if not broken.is_set():
                try:
                    session.post(f"{order.url}/contacts", json={"contacts": batch}).raise_for_status()
                except requests.RequestException:
                    broken.set()

    with ThreadPoolExecutor(THREADS) as pool:
        senders = [pool.submit(send_some) for _ in range(THREADS)]
        for batch in batches(order):
            if broken.is_set():
                break
            waiting.put(batch)
        for _ in senders:
            waiting.put(None)
    if broken.is_set():
        raise SystemExit("A call was refused.")


if __name__ == "__main__":
    measure(send)
