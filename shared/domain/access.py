"""Who is asking."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """``name`` is what the history shows; it is an identity's name, never a key."""

    name: str
