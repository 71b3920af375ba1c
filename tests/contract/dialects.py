"""The ways in which Autopilot may behave, and what it takes to talk to each of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devkit.autopilot import AutopilotSimulator
from shared.adapters.autopilot import Autopilot
from shared.domain.destination import Pacer, Profile, Session
from shared.domain.export import FieldMapping, FieldType
from tests.fakes import PatientPacer

ACCEPTING: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "new members in bulk": {"bulk_list": "new_only"},
    "all members in bulk": {"bulk_list": "honoured"},
    "errors with a code": {"error_body": "code"},
    "list titles are unique": {"duplicate_list": "conflict"},
    "invalid addresses are dropped": {"invalid_email": "drop"},
    "addresses come back as sent": {"map_keys": "as_sent"},
    "names are kept": {"overwrite_names": "off"},
    "deleting answers 204": {"delete_status": 204},
    "single upserts join on creation": {"single_list": "new_only"},
    "custom fields must exist": {"custom_fields": "must_exist"},
    "everything the other way": {
        "bulk_list": "honoured",
        "error_body": "code",
        "duplicate_list": "conflict",
        "invalid_email": "drop",
        "map_keys": "as_sent",
        "overwrite_names": "off",
        "delete_status": 204,
        "custom_fields": "must_exist",
        "contact_limit": 100_000,
    },
}

FIELDS = (
    FieldMapping(field="FirstName", column="first"),
    FieldMapping(field="Loyalty Tier", column="tier", type=FieldType.STRING),
)


def make_people(
    emails: Sequence[str], *, joins: bool = True, first: str = "Ada", tier: str = "gold"
) -> list[Profile]:
    """People as staging would make them."""
    encoder = Autopilot("http://unused", timeout_s=1).encoder(FIELDS)
    return [
        Profile(email, hash(email), joins, (0, line), encoder.encode(email, [first, tier]))
        for line, email in enumerate(emails, 2)
    ]


def numbered(count: int, prefix: str = "person") -> list[str]:
    return [f"{prefix}{number:04}@example.com" for number in range(count)]


def open_session(
    autopilot: AutopilotSimulator,
    learnt: Mapping[str, bool] | None = None,
    *,
    pacer: Pacer | None = None,
    read_key: Callable[[bool], str] | None = None,
    timeout_s: float = 10,
    proven: bool = False,
) -> Session:
    """A session that never sleeps; without ``read_key`` it has the key that the simulator had at this moment."""
    key = autopilot.key or ""
    return Autopilot(f"{autopilot.url}/v1", timeout_s=timeout_s).open(
        read_key or (lambda _fresh: key), pacer or PatientPacer(), learnt or {}, proven=proven
    )
