"""Who reads a page, and how things are said to them: language, time zone, numbers, moments, the core's sentences.

Templates and pages speak through the functions here; which reader they speak to is set for each request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from babel import Locale, dates, numbers, units
from markupsafe import Markup, escape

from portal.languages import Language, language

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Reader:
    """A person's language and time zone, and the present moment. ``region`` is how their browser writes the language:
    numbers and dates follow it (the clock of en-GB has 24 hours)."""

    language: Language
    time_zone: tzinfo
    now: datetime
    region: Locale | None = None

    @property
    def locale(self) -> Locale:
        """How numbers and dates are written."""
        return self.region or self.language.locale


_reader: ContextVar[Reader] = ContextVar("reader")


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """Speak to this reader within the block."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


def reader() -> Reader:
    """Return whom a page is made for; outside a request, somebody who reads English in UTC."""
    return _reader.get(None) or Reader(language("en"), UTC, datetime.now(UTC))


def gettext(message: str, **values: Any) -> str:
    """Return a message in the reader's language, with its ``%(name)s`` filled in."""
    said = reader().language.catalogue.gettext(message)
    return said % values if values else said


def ngettext(singular: str, plural: str, count: int, **values: Any) -> str:
    """Like ``gettext``, in the form that goes with a count, which is written as ``%(count)s``."""
    said = reader().language.catalogue.ngettext(singular, plural, count)
    return said % {"count": number(count), **values}


def say(sentence: str) -> str:
    """Return what the core says, in the reader's language."""
    return reader().language.say(sentence) if sentence else ""


def word(value: str) -> str:
    """Return one of the core's words (a status, a stage, a role) in the reader's language."""
    return reader().language.catalogue.pgettext("word", str(value))


def number(value: float) -> str:
    return numbers.format_decimal(value, locale=reader().locale)


def percent(share: float) -> str:
    return numbers.format_percent(share, locale=reader().locale)


def size(size_bytes: int) -> str:
    """Return a size such as 4.2 MB."""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    pattern = "0" if unit == "B" or value >= 100 else "0.#"
    return f"{numbers.format_decimal(value, pattern, locale=reader().locale)}\u00a0{unit}"


def duration(seconds: float) -> str:
    """Return a time such as *2 hours 5 minutes* or *40 seconds*: the largest unit that fits and the one below it."""
    locale = reader().locale
    left, told = max(0, round(seconds)), list[str]()
    for place, (length, unit) in enumerate(_UNITS):
        count, rest = divmod(left, length)
        if count or (place == len(_UNITS) - 1 and not told):
            told.append(units.format_unit(count, f"duration-{unit}", locale=locale))
            left = rest
        if len(told) == 2 or (told and not count):
            break
    return " ".join(told)


def moment(at: datetime, style: str = "medium") -> str:
    """Return date and time of day in the reader's time zone."""
    return dates.format_datetime(at, style, tzinfo=reader().time_zone, locale=reader().locale)


def day(at: datetime) -> str:
    return dates.format_date(at.date(), "medium", locale=reader().locale)


def ago(at: datetime) -> str:
    """Return how far a moment is from now: *3 hours ago*, *in 2 days*."""
    gap = at - reader().now
    if abs(gap) < timedelta(seconds=1):  # nobody says *in 0 seconds*
        gap = -timedelta(seconds=1)
    return dates.format_timedelta(gap, add_direction=True, locale=reader().locale)


def when(at: datetime | None) -> Markup | str:
    """Return a moment as an element: near ones as a distance, with the exact time as its title."""
    if at is None:
        return ""
    far = abs(at - reader().now) > timedelta(days=6)
    exact = f"{moment(at)} {_zone_at(at)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"),
        exact,
        escape(moment(at, "short") if far else ago(at)),
    )


def exactly(at: datetime) -> Markup:
    """Return a moment as an element, with its date, time of day and time zone."""
    return Markup('<time datetime="{}">{} {}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"), moment(at), _zone_at(at)
    )


def _zone_at(at: datetime) -> str:
    """Return what the reader's time zone is called at a moment: EET, or EEST in summer."""
    return at.astimezone(reader().time_zone).tzname() or ""
