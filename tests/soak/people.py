"""Segment files with all that real ones have in them, and what has to become of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

_INVALID = {
    "email_blank": "",
    "email_no_at_sign": "ana.example.com",
    "email_dotless_domain": "ana@example",
    "email_white_space": "an a@example.com",
}
_CITIES = ("Logroño", "Cluj-Napoca", "Łódź", "Ōsaka", 'San José "SJ"')

Row = tuple[str, str, float]
"""First name, city, income."""


@dataclass(frozen=True)
class SegmentFile:
    """``newest`` maps each person to export to the row that counts, ``rejected`` counts the other rows by reason."""

    data: bytes
    rows: int
    newest: Mapping[str, Row]
    rejected: Mapping[str, int]


class Population:
    """The people of one segment as time goes by. ``tag`` keeps segments apart."""

    def __init__(self, tag: str, size: int, chance: Random) -> None:
        self._tag, self._size, self._chance = tag, size, chance
        self._next, self._people = size, {number: self._row(number) for number in range(size)}
        self.suppressed: set[str] = set()
        self.ever: set[str] = set()

    def move_on(self) -> None:
        """Some leave, as many join, and a third of them change."""
        for number in self._chance.sample(sorted(self._people), self._size // 200):
            del self._people[number]
        for number in self._chance.sample(sorted(self._people), self._size // 3):
            self._people[number] = self._row(number)
        for _ in range(self._size // 200):
            self._people[self._next] = self._row(self._next)
            self._next += 1

    def choose_to_suppress(self, count: int) -> Sequence[str]:
        """Choose people of the present; they stay in the files."""
        chosen = [self._email(number) for number in self._chance.sample(sorted(self._people), count)]
        self.suppressed |= set(chosen)
        return chosen

    def write(self) -> SegmentFile:
        """Write the file of the present: the valid rows, some of them twice, and some that are no good."""
        rejected: Counter[str] = Counter()
        rows, newest = [], {}
        for number, row in self._people.items():
            email = self._email(number)
            rows.append((email.upper() if number % 11 == 0 else email, row))
            if email in self.suppressed:
                rejected["suppressed"] += 1
                continue
            newest[email] = row
            if self._chance.random() < 0.005:
                rows.append((email.title(), self._row(number)))
                rejected["duplicate_email"] += 1
            if self._chance.random() < 0.005:
                reason = self._chance.choice(sorted(_INVALID))
                rows.append((_INVALID[reason], row))
                rejected[reason] += 1
        self.ever |= newest.keys()
        lines = [f"{email},{name},{_quoted(city)},{income}" for email, (name, city, income) in rows]
        text = "\r\n".join(["Email,FirstName,City,Income", *lines, ""])
        return SegmentFile(text.encode(), len(rows), newest, dict(rejected))

    def _email(self, number: int) -> str:
        return f"{self._tag}.{number}@example.com"

    def _row(self, number: int) -> Row:
        return (f"Ana{number % 97}", self._chance.choice(_CITIES), self._chance.randrange(1, 90_000) + 0.5)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if '"' in text else text
