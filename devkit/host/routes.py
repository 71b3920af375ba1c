"""Route templates as the Functions host understands them (ASP.NET Core attribute routes).

`{id}`, `{id?}`, `{id=default}`, `{*rest}`, constraints `{id:int:min(1)}`, several parameters in one segment. Literals
are matched without regard to case; a literal wins over a constrained parameter, that over a plain one, and that over
a catch-all (Microsoft Learn, "Routing in ASP.NET Core: route templates and precedence").
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")

_PARAMETER = re.compile(r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}?=()]+(?:\(.*?\))?)*)"
                        r"(?P<optional>\?)?(?:=(?P<default>[^{}]*))?\}")  # fmt: skip
_CONSTRAINT = re.compile(r":(?P<kind>\w+)(?:\((?P<argument>.*?)\))?(?=:|$)")
_GUID = r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?"


class RouteError(ValueError):
    """A route template that the host refuses."""


@dataclass(frozen=True)
class Route:
    """One parsed template. `methods` is None when every method is served."""

    template: str
    methods: frozenset[str] | None
    pattern: re.Pattern[str]
    checks: tuple[tuple[str, Callable[[str], bool]], ...]
    defaults: tuple[tuple[str, str], ...]
    rank: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the route values of a path without leading slash, or None. Absent optional ones are left out."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = dict(self.defaults)
        values.update({name: unquote(value) for name, value in found.groupdict().items() if value})
        if all(check(values[name]) for name, check in self.checks if name in values):
            return values
        return None


class RouteTable(Generic[Target]):
    """Templates and what they lead to, tried in order of precedence."""

    def __init__(self) -> None:
        self._entries: list[tuple[Route, Target]] = []

    def add(self, template: str, methods: Collection[str] | None, target: Target) -> None:
        """Add a route. Raises `RouteError` for a bad template and for one that is already taken."""
        route = parse_route(template, methods)
        for other, _ in self._entries:
            overlap = route.methods is None or other.methods is None or route.methods & other.methods
            if overlap and route.template == other.template:
                raise RouteError(f"the route {template!r} conflicts with the route {other.template!r}")
        self._entries.append((route, target))
        self._entries.sort(key=lambda entry: entry[0].rank)

    def match(self, method: str, path: str) -> tuple[Target, dict[str, str]] | None:
        """Return the target for a method and a raw (still percent-encoded) path, and the route values."""
        for route, target in self._entries:
            if route.methods is not None and method not in route.methods:
                continue
            values = route.match(path.removeprefix("/").removesuffix("/"))
            if values is not None:
                return target, values
        return None


def parse_route(template: str, methods: Collection[str] | None) -> Route:
    """Parse a template. Raises `RouteError`."""
    pattern, rank = "", []
    checks: list[tuple[str, Callable[[str], bool]]] = []
    defaults: list[tuple[str, str]] = []
    for position, segment in enumerate(segment for segment in template.strip("/").split("/") if segment):
        regex, may_be_absent, weight = _parse_segment(template, segment, checks, defaults)
        separator = "/" if position else ""
        pattern += f"(?:{separator}{regex})?" if may_be_absent else separator + regex
        rank.append(weight)
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise RouteError(f"the route {template!r} cannot be used: {error}") from error
    allowed = None if not methods else frozenset(method.upper() for method in methods)
    return Route(template.strip("/").lower(), allowed, compiled, tuple(checks), tuple(defaults), tuple(rank))


def _parse_segment(
    template: str,
    segment: str,
    checks: list[tuple[str, Callable[[str], bool]]],
    defaults: list[tuple[str, str]],
) -> tuple[str, bool, int]:
    regex, position, weight, may_be_absent = "", 0, 1, False
    for match in _PARAMETER.finditer(segment):
        regex += _literal(template, segment[position : match.start()])
        position = match.end()
        name = match["name"]
        constraints = [
            _make_check(template, c["kind"], c["argument"])
            for c in _CONSTRAINT.finditer(match["constraints"])
        ]
        checks.extend((name, check) for check in constraints)
        if match["default"] is not None:
            defaults.append((name, match["default"]))
        optional = bool(match["optional"]) or match["default"] is not None or bool(match["star"])
        may_be_absent = optional and match.group() == segment
        if match["star"]:
            regex += f"(?P<{name}>.*)"
            weight = max(weight, 5)
        else:
            regex += f"(?P<{name}>[^/]+?)" + ("?" if optional and not may_be_absent else "")
            weight = max(weight, 3 if constraints else 4)
        if match.group() != segment:
            weight = min(weight, 2)
    return regex + _literal(template, segment[position:]), may_be_absent, weight


def _literal(template: str, text: str) -> str:
    if "{" in text or "}" in text:
        raise RouteError(f"the route {template!r} has a parameter that cannot be read")
    return re.escape(text)


def _make_check(template: str, kind: str, argument: str | None) -> Callable[[str], bool]:
    numbers = [int(part) for part in (argument or "").split(",") if part.strip().lstrip("-").isdigit()]
    patterns = {
        "int": r"[+-]?\d{1,10}",
        "long": r"[+-]?\d{1,19}",
        "bool": r"true|false",
        "guid": _GUID,
        "alpha": r"[a-z]*",
        "decimal": r"[+-]?\d+(\.\d+)?",
        "double": r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?",
        "float": r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?",
    }
    match kind, numbers:
        case ("regex", _):
            return lambda value: re.search(argument or "", value, re.IGNORECASE) is not None
        case ("length", [exact]):
            return lambda value: len(value) == exact
        case ("length", [low, high]):
            return lambda value: low <= len(value) <= high
        case ("minlength", [low]):
            return lambda value: len(value) >= low
        case ("maxlength", [high]):
            return lambda value: len(value) <= high
        case ("min", [low]):
            return lambda value: _is_number(value) and int(value) >= low
        case ("max", [high]):
            return lambda value: _is_number(value) and int(value) <= high
        case ("range", [low, high]):
            return lambda value: _is_number(value) and low <= int(value) <= high
    if kind not in patterns:
        raise RouteError(f"the route {template!r} has an unknown constraint {kind!r}")
    pattern = re.compile(patterns[kind], re.IGNORECASE)
    return lambda value: pattern.fullmatch(value) is not None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", text) is not None
