"""Writes everybody to stdout as Singer messages."""

import json
import sys

from contest import contacts, read_order

TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("Email", "FirstName", "LastName", "MailingCity", "_autopilot_list"), TEXT),
        "custom": {"type": "object", "additionalProperties": True},
    },
}


def write(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({"stream": "people", **message}) + "\n")


if __name__ == "__main__":
    write({"type": "SCHEMA", "schema": SCHEMA, "key_properties": ["Email"]})
    for contact in contacts(read_order()):
        write({"type": "RECORD", "record": contact})
