"""Why rows were rejected, in words. The core's other words are said by ``reader.word``."""

from typing import NamedTuple

from portal.reader import reader


class Explanation(NamedTuple):
    """A reason in a few words, and in a sentence or two what it means and what to do."""

    title: str
    meaning: str


def explain_reason(code: str) -> Explanation:
    """Explain a reason code of the rejects; one that is not known stands for itself."""
    catalogue = reader().language.catalogue
    meaning = catalogue.pgettext("reject meaning", code)
    return Explanation(catalogue.pgettext("reject", code), "" if meaning == code else meaning)
