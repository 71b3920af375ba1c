"""The time zones that people choose from."""

from functools import cache
from zoneinfo import available_timezones


@cache
def list_zones() -> tuple[tuple[str, str], ...]:
    """Return the name of each zone as it is kept, and as it is shown."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return tuple((name, name.replace("_", " ")) for name in ("UTC", *places))
