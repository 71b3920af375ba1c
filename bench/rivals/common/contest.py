"""What all contenders in Python share: what they are to send, and saying what that took. Needs nothing but Python.

A contender is a program that sends everybody in the file ``order.csv`` to ``order.url`` and puts them on a list.
"""

import csv
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

BATCH_SIZE = 100

Contact = dict[str, Any]


class Order(NamedTuple):
    """``url`` ends with the version of the API."""

    csv: str
    url: str
    key: str
    list_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"autopilotapikey": self.key, "Content-Type": "application/json"}


def read_order() -> Order:
    """Return what this program is to do, from its environment."""
    return Order(*(os.environ[f"CONTEST_{name.upper()}"] for name in Order._fields))


def contacts(order: Order) -> Iterator[Contact]:
    """Yield everybody in the file, with the five fields that Segpilot's export has, as Segpilot would send them."""
    with Path(order.csv).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        places = {name: place for place, name in enumerate(next(rows))}
        email, first, last, city, income, born = (
            places[name] for name in ("Email", "FirstName", "LastName", "City", "Income", "Born")
        )
        for row in rows:
            custom: dict[str, object] = {"float--Income": float(row[income].strip(" $").replace(",", ""))}
            month, day, year = row[born].split("/")
            # The month comes first; what is no date then is left out, as Segpilot does.
            if int(month) <= 12:
                custom["date--Born"] = f"{year}-{month:0>2}-{day:0>2}T00:00:00.000Z"
            yield {
                "Email": row[email],
                "FirstName": row[first],
                "LastName": row[last],
                "MailingCity": row[city],
                "custom": custom,
                "_autopilot_list": order.list_id,
            }


def batches(order: Order) -> Iterator[list[Contact]]:
    people = contacts(order)
    while batch := list(islice(people, BATCH_SIZE)):
        yield batch


def measure(work: Callable[[Order], None]) -> None:
    """Do the work and print what it took, also when it breaks off. What was imported before does not count."""
    order, cpu_s, started = read_order(), _cpu_s(), time.perf_counter()
    try:
        work(order)
    finally:
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "cpu_s": _cpu_s() - cpu_s}), flush=True)


def _cpu_s() -> float:
    """Processor time of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
