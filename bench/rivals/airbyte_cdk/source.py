"""Writes everybody to stdout as messages of Airbyte's protocol."""

import sys
import time

import orjson
from contest import contacts, read_order

if __name__ == "__main__":
    now_ms = int(time.time() * 1000)
    for contact in contacts(read_order()):
        record = {"stream": "people", "data": contact, "emitted_at": now_ms}
        sys.stdout.buffer.write(orjson.dumps({"type": "RECORD", "record": record}) + b"\n")
