"""What the core says to people, found in its source: sentences, titles, and the words and phrases put into them.

A message is a template. An f-string's values become placeholders named after the last name of their expression, ``{count:n}``
for numbers; what is written in several ways (``"a" if x else "b"``) is a message for each. A message with a context is a
phrase that stands for the placeholder of that name and nowhere else.
"""

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from devkit.catalogues.templates import (
    Piece,
    Value,
    combine,
    is_number_format,
    is_text,
    join_pieces,
    last_name,
)
from shared.domain.access import Role
from shared.domain.export import FieldType
from shared.domain.run import Decision, RunStatus
from shared.domain.schedule import Recurrence, RefreshRecurrence

ROOT = Path(__file__).parents[2]

# What speaks to people besides shared/: these end up in the record of a run, or on a page.
_SPEAKING = (
    "functions/steps.py",
    "functions/portal.py",
    "functions/door.py",
    "functions/problems.py",
    "functions/principal.py",
    "functions/orchestration",
)
_ALERTS = "shared/domain/alert_messages.py"
_SILENT = ("shared/domain/alert_shapes.py", "shared/domain/consent.py", "shared/domain/column_names.py")

_KINDS: dict[str, tuple[type[StrEnum], ...]] = {
    "role": (Role,),
    "status": (RunStatus,),
    "decision": (Decision,),
    "recurrence": (Recurrence, RefreshRecurrence),
    "kind": (FieldType,),
}
"""Placeholders that stand for a value of an enum."""


class _Source(NamedTuple):
    """Where phrases for a placeholder come from: an argument of the calls of ``callee``, by its place or its name."""

    context: str
    file: str
    callee: str
    argument: int | str


_PHRASES = (
    _Source("what", "shared/domain/schedule.py", "_check_choice", 0),
    _Source("what", "shared/usecases", "require_version", 2),
    _Source("things", "shared/usecases", "sort_by", "things"),
    _Source("partition", "shared/adapters", "TableRecords", 1),
    _Source("partition", "shared/adapters", "TableCatalogue", 1),
    _Source("partition", "shared/adapters", "__init__", 1),
    _Source("place", "shared/pipeline/trip_wire.py", "_Part", 2),
    _Source("place", "shared/pipeline/trip_wire.py", "_standing_out", 1),
    _Source("kind", "shared/adapters", "storage_errors", 0),
    _Source("why", "shared/adapters/webhook.py", "_invalid", 0),
    _Source("detail", "shared/pipeline/reading/csv_rows.py", "_broken", 1),
    _Source("", "shared/usecases/segments", "_not_used", 1),
)
_CONSTANTS = (
    ("what", "shared/adapters/autopilot/encoder.py", ("constant", "default")),
    ("kind", "shared/usecases/segments/segments.py", ("rows", "profiles")),
    ("limit", "shared/pipeline/trip_wire.py", ("that is {whole:n}%, the limit is {share:n}%",)),
    ("message", "shared/adapters/autopilot/client.py", ("no explanation",)),
)
"""Phrases that reach their placeholder by ways that cannot be seen from a call."""
_DESCRIPTIONS = ("description", "shared/pipeline/reading/formats.py", "_NOT_TEXT")

_ERRORS = {"Invalid", "NotFound", "Forbidden", "Conflict", "NotSignedIn", "SegpilotError"}
_NOT_SAID = {"Field", "Query", "info", "warning", "exception", "error", "compile", "RuntimeError"}
_words = re.compile(r"[A-Za-z]{2,}")
_Parents = dict[ast.AST, ast.AST]


class Message(NamedTuple):
    context: str
    text: str


def core_messages() -> dict[Message, str]:
    """Return every message with the file that it is from, in the order of files and lines."""
    found: dict[Message, str] = {}
    for path in _modules():
        file = path.relative_to(ROOT).as_posix()
        for message in messages_in(file, path.read_text("utf-8")):
            found.setdefault(message, file)
    for context, kinds in _KINDS.items():
        for member in (member for kind in kinds for member in kind):
            found.setdefault(Message(context, member.value), f"{kinds[0].__module__.replace('.', '/')}.py")
    return found


def messages_in(file: str, source: str) -> list[Message]:
    """Return the messages of one module; what counts as one depends on where ``file`` lies in the repository."""
    return list(dict.fromkeys(_Module(file, ast.parse(source)).messages()))


def _modules() -> Iterator[Path]:
    for place in ("shared", *_SPEAKING, "portal"):
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


class _Module:
    def __init__(self, file: str, tree: ast.Module) -> None:
        self._file, self._tree = file, tree
        self._parents: _Parents = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self._constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

        described = (
            each.value
            for each in ast.walk(tree)
            if isinstance(each, ast.keyword) and each.arg == "description"
        )
        self._descriptions = {
            self._constants.get(each.id) for each in described if isinstance(each, ast.Name)
        }
        """Constants that describe fields of the API."""

    def messages(self) -> Iterator[Message]:
        if self._file in _SILENT:
            return
        for node in sorted(ast.walk(self._tree), key=lambda node: getattr(node, "lineno", 0)):
            if isinstance(node, ast.ClassDef):
                yield from (Message("", title) for title in _titles(node))
            elif isinstance(node, ast.Call):
                yield from self._phrases(node)
            if self._is_outermost(node):
                yield from (Message("", text) for text in self._texts(node) if self._is_said(node, text))
        yield from self._declared_phrases()

    def _phrases(self, call: ast.Call) -> Iterator[Message]:
        for source in _PHRASES:
            if _callee(call) != source.callee or not self._file.startswith(source.file):
                continue
            if isinstance(source.argument, str):
                given = [each.value for each in call.keywords if each.arg == source.argument]
            else:
                given = call.args[source.argument : source.argument + 1]
            for each in given:
                yield from (
                    Message(source.context, text) for text in self._texts(each) if _words.search(text)
                )

    def _declared_phrases(self) -> Iterator[Message]:
        context, file, name = _DESCRIPTIONS
        if file == self._file and isinstance(table := self._constants.get(name), ast.Dict):
            for value in table.values:
                yield from (Message(context, text) for text in self._texts(value))
        for context, file, phrases in _CONSTANTS:
            if file == self._file:
                written = {text for node in ast.walk(self._tree) for text in self._texts(node)}
                if gone := set(phrases) - written:
                    raise LookupError(f"{file} does not say any more: {sorted(gone)}")
                yield from (Message(context, text) for text in phrases)

    def _is_outermost(self, node: ast.AST) -> bool:
        """Tell whether a text is not part of a longer one, and no docstring."""
        if not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.IfExp | ast.Call):
            return False
        above = self._parents.get(node)
        while isinstance(above, ast.IfExp | ast.BinOp | ast.Tuple):
            if isinstance(above, ast.BinOp) and self._texts(above):
                return False
            above = self._parents.get(above)
        return not isinstance(above, ast.Expr | ast.FormattedValue | ast.JoinedStr)

    def _is_said(self, node: ast.AST, text: str) -> bool:
        if "{{}}" in text or node in self._descriptions:
            return False
        if self._file.startswith("portal/"):
            is_raised = self._is_within(node, _ERRORS) and not self._is_within(node, {"_", "ngettext"})
            return is_raised and _reads_like_a_sentence(text)
        if self._file == _ALERTS:
            return text.startswith(("The export '", "The connection '", "This is a test"))
        if self._file.startswith("shared/usecases/") and self._is_within(node, {"ValueError"}):
            return True
        return _reads_like_a_sentence(text) and not self._is_within(node, _NOT_SAID)

    def _is_within(self, node: ast.AST, callees: set[str]) -> bool:
        above = self._parents.get(node)
        while above is not None and not isinstance(above, ast.stmt):
            if isinstance(above, ast.Call) and _callee(above) in callees:
                return True
            above = self._parents.get(above)
        return False

    def _texts(self, node: ast.AST) -> list[str]:
        """Return the ways in which an expression reads as a template; none when it is not one."""
        pieces = self._pieces(node)
        return [] if pieces is None else list(dict.fromkeys(join_pieces(variant) for variant in pieces))

    def _pieces(self, node: ast.AST) -> list[list[Piece]] | None:
        match node:
            case ast.Constant(value=str(text)):
                return [[text]]
            case ast.JoinedStr(values=values):
                return combine(self._pieces(value) or [] for value in values)
            case ast.FormattedValue(value=value, format_spec=spec):
                return self._inlined(value) or [
                    [Value(last_name(value), ast.unparse(value), is_number_format(spec))]
                ]
            case ast.IfExp(body=body, orelse=orelse):
                both = [self._pieces(body), self._pieces(orelse)]
                return [variant for pieces in both for variant in pieces or []] if any(both) else None
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                both = [self._pieces(left), self._inlined(right) or self._pieces(right)]
                if both[0] is None or not is_text(left):
                    return None
                return combine([both[0], both[1] or [[Value(last_name(right), ast.unparse(right))]]])
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="format"), args=args):
                constant = self._constants.get(name)
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    first, *texts = constant.value.split("{}")
                    filled: list[Piece] = [first]
                    for each, text in zip(args, texts, strict=True):
                        filled += [Value(last_name(each), ast.unparse(each)), text]
                    return [filled]
        return None

    def _inlined(self, value: ast.expr) -> list[list[Piece]] | None:
        """Return what a value is when that can be read off: a choice of texts, or a name that stands for one."""
        if isinstance(value, ast.BoolOp) and isinstance(last := value.values[-1], ast.Constant):
            first = Value(last_name(value.values[0]), ast.unparse(value.values[0]))
            return [[first], [str(last.value)]]
        if isinstance(value, ast.IfExp):
            return self._pieces(value)
        if isinstance(value, ast.Name) and (given := self._assigned(value)) is not None:
            if isinstance(given, ast.BoolOp) and isinstance(given.values[-1], ast.Constant):
                return [[Value(value.id, value.id)], [str(given.values[-1].value)]]
            return self._pieces(given) if isinstance(given, ast.JoinedStr | ast.IfExp) else None
        return None

    def _assigned(self, name: ast.Name) -> ast.expr | None:
        """Return what a local name stands for, if it is given a value once and at once."""
        above: ast.AST | None = name
        while above is not None and not isinstance(above, ast.FunctionDef):
            above = self._parents.get(above)
        given: list[ast.expr | None] = []
        for node in ast.walk(above) if above else ():
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id == name.id:
                        given.append(node.value)
                    elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        pairs = zip(target.elts, node.value.elts, strict=True)
                        given += [value for each, value in pairs if getattr(each, "id", "") == name.id]
        return given[0] if len(given) == 1 else None


def _callee(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else str(getattr(call.func, "id", ""))


def _reads_like_a_sentence(text: str) -> bool:
    literal = re.sub(r"{\w+(:n)?}", "", text)
    begins = re.match(r"[A-Z'{(]", text)
    ends = re.search(r"[^.]\.$|[a-z]\?$|[.:] {\w+}$", text)
    return bool(begins and ends and " " in text and len(_words.findall(literal)) >= 2)


def _titles(node: ast.ClassDef) -> Iterator[str]:
    """The titles of classes of errors."""
    for each in node.body:
        match each:
            case ast.AnnAssign(target=ast.Name(id="title"), value=ast.Constant(value=str(text))):
                yield text
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for name, value in zip(names, values, strict=True):
                    if getattr(name, "id", "") == "title" and isinstance(value, ast.Constant):
                        yield str(value.value)
