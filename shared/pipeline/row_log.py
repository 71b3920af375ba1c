"""The row log: what became of each person of a run."""

from enum import StrEnum


class RowLog(StrEnum):
    """Who is written to it: nobody, those who were refused, or everybody a run dealt with."""

    OFF = "off"
    REJECTS = "rejects"
    ALL = "all"
