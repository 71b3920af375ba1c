"""The core's sentences in a reader's language.

The core speaks English, in what it answers as in what it has stored. A catalogue's messages are templates of what it
says: a text is recognised by one of them, and what stands at its placeholders is put into the translation.

- ``{count:n}`` is a number, which is written as the language does. The first number of a sentence decides the plural.
- What stands in quotes, ``'{name}'``, was given by people and stays as it is.
- A placeholder whose name is the context of other messages stands for one of those: ``{role}``, ``{place}``.
- ``{message}``, ``{problems}`` and ``{reason}`` stand for what the core, or somebody else, says in turn.
"""

import gettext
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from string import Formatter
from typing import NamedTuple

from babel import Locale
from babel.messages.catalog import Catalog
from babel.numbers import format_decimal

_SPOKEN = frozenset({"message", "problems", "reason"})
_CONTEXTS = {"explain_email": "reject"}
_KEY_LENGTH = 12
_MOST_SENTENCES = 12
_DEEPEST = 3
_NUMBER = r"[0-9][0-9,]{0,19}+(?:\.[0-9]{1,12}+)?(?:e[+-][01][0-9])?"
"""As large as the core's can be; others' may be of any size, and writing them out would take for ever."""
_is_count = re.compile(r"[0-9][0-9,]{0,19}").fullmatch
_capitals = re.compile(r"(?<= )[A-Z']").finditer


class _Blank(NamedTuple):
    """A placeholder. ``context`` is its name without the digit that tells it from another of the same name."""

    key: str
    context: str
    is_number: bool
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class _Template:
    """``weight`` is how many characters are always the same, ``needle`` and ``tail`` are some of them.

    ``said`` is the translation, or one for each form of the plural.
    """

    pattern: re.Pattern[str]
    weight: int
    needle: str
    tail: str
    blanks: tuple[_Blank, ...]
    said: tuple[str, ...]

    def match(self, text: str) -> re.Match[str] | None:
        if self.needle in text and text.endswith(self.tail):
            return self.pattern.fullmatch(text)
        return None


_Templates = dict[str, dict[str, list[_Template]]]
"""By context, and by how they begin."""


class _Said(NamedTuple):
    """A translation, and how many characters of the text were recognised."""

    weight: int
    text: str


class Sentences:
    """What a catalogue can say. Messages without a translation are passed over."""

    def __init__(self, catalogue: Catalog, locale: Locale) -> None:
        self._locale = locale
        self._plural = gettext.c2py(catalogue.plural_expr)
        self._templates: _Templates = {}
        for message in catalogue:
            said = _forms(message.string)
            if message.id and all(said) and not message.fuzzy:
                start, template = _compile(_forms(message.id)[0], said)
                known = self._templates.setdefault(message.context or "", {})
                known.setdefault(start[:_KEY_LENGTH], []).append(template)

    def say(self, text: str) -> str:
        """Return a text of the core in the language; what is not recognised stays as it is."""
        return _Reading(self._templates, self._plural, self._locale).read(text, _DEEPEST).text


class _Reading:
    """The reading of one text. It remembers what it has matched, since long texts repeat themselves."""

    def __init__(self, templates: _Templates, plural: Callable[[int], int], locale: Locale) -> None:
        self._templates, self._plural, self._locale = templates, plural, locale
        self._matched: dict[tuple[str, str, int], _Said] = {}

    def read(self, text: str, depth: int) -> _Said:
        """Say a text as a whole or sentence by sentence, whichever recognises more of it.

        Only so many of its last sentences are looked at: what has more was not written by the core.
        """
        inner = [found.start() for found in _capitals(text) if self._may_begin(text, found.start())]
        begins = [0, *inner[-_MOST_SENTENCES:]]
        best = {len(text) + 1: _Said(0, "")}
        for begin in reversed(begins):
            readings = []
            for end in reversed([*(each for each in begins if each > begin), len(text) + 1]):
                said, rest = self._match(text[begin : end - 1], "", depth), best[end]
                together = f"{said.text} {rest.text}" if rest.text else said.text
                readings.append(_Said(said.weight + rest.weight, together))
            best[begin] = max(readings, key=lambda said: said.weight)
        return best[0]

    def _may_begin(self, text: str, at: int) -> bool:
        """Tell whether a sentence may begin there. Others' words, before it, need not end with a full stop."""
        known = self._templates.get("", {})
        shortest = 1 if text[at - 2] in ".?!" else _KEY_LENGTH
        return any(text[at : at + length] in known for length in range(shortest, _KEY_LENGTH + 1))

    def _match(self, text: str, context: str, depth: int) -> _Said:
        key = (text, context, depth)
        if key not in self._matched:
            self._matched[key] = self._match_anew(text, context, depth)
        return self._matched[key]

    def _match_anew(self, text: str, context: str, depth: int) -> _Said:
        """Say a text by the template that has most in common with it. A title may stand for a sentence."""
        for end in ("", "."):
            if not end or text.endswith(end):
                matches = (
                    (template, found)
                    for template in self._candidates(text.removesuffix(end), context)
                    if (found := template.match(text.removesuffix(end)))
                )
                if best := max(matches, key=lambda match: match[0].weight, default=None):
                    said = self._fill(*best, depth)
                    return said._replace(text=said.text + end)
        return _Said(0, text)

    def _candidates(self, text: str, context: str) -> Iterator[_Template]:
        known = self._templates.get(context, {})
        for length in range(min(_KEY_LENGTH, len(text)) + 1):
            yield from known.get(text[:length], ())

    def _fill(self, template: _Template, found: re.Match[str], depth: int) -> _Said:
        values, weight, form = dict[str, str](), template.weight, None
        for blank in template.blanks:
            value = found[blank.key]
            if form is None and not blank.is_quoted and _is_count(value):
                form = self._plural(int(value.replace(",", "")))
            said = self._value(blank, value, depth)
            values[blank.key] = said.text
            weight += said.weight
        translation = template.said[min(form or 0, len(template.said) - 1)]
        pieces = Formatter().parse(translation)
        return _Said(weight, "".join(literal + values.get(key or "", "") for literal, key, _, _ in pieces))

    def _value(self, blank: _Blank, value: str, depth: int) -> _Said:
        if blank.is_number:
            return _Said(0, format_decimal(Decimal(value.replace(",", "")), locale=self._locale))
        if not blank.is_quoted and depth:
            if blank.context in self._templates:
                said = self._match(value, blank.context, depth - 1)
                if said.weight:
                    return said
            if blank.context in _SPOKEN:
                return self.read(value, depth - 1)
        return _Said(0, value)


def _forms(text: object) -> tuple[str, ...]:
    """Return what a catalogue has for a message: one text, or one for each form of the plural."""
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text or ""),)


def _compile(message: str, said: tuple[str, ...]) -> tuple[str, _Template]:
    """Return how a message begins, and its template.

    Each value but the last ends at the first place where what follows it can stand, and no other one is tried: no text,
    however made, takes long.
    """
    pieces = [(literal, key, spec == "n") for literal, key, spec, _ in Formatter().parse(message)]
    literals = [literal for literal, _, _ in pieces]
    if pieces[-1][1] is not None:
        literals.append("")
    last_text = max((place for place, piece in enumerate(pieces) if piece[1] and not piece[2]), default=-1)
    pattern, is_open, blanks = "", False, list[_Blank]()
    for place, (literal, key, is_number) in enumerate(pieces):
        pattern += re.escape(literal)
        if key is None:
            continue
        is_quoted = literal.endswith("'") and literals[place + 1].startswith("'")
        context = key.rstrip("0123456789")
        blanks.append(_Blank(key, _CONTEXTS.get(context, context), is_number, is_quoted))
        if is_number:
            pattern += f"(?P<{key}>{_NUMBER})"
            continue
        pattern += ")" if is_open else ""
        is_open = place != last_text
        pattern += f"(?>(?P<{key}>.*?)" if is_open else f"(?P<{key}>.*)"
    template = _Template(
        re.compile(pattern, re.DOTALL),
        sum(map(len, literals)),
        max(literals, key=len),
        literals[-1],
        tuple(blanks),
        said,
    )
    return literals[0], template
