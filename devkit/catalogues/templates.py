"""Templates of what an f-string says: its values as placeholders, named after the last name of their expression."""

import ast
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple


class Value(NamedTuple):
    """A value in a text: its placeholder's name, and the expression that tells it from another of the same name."""

    name: str
    expression: str
    is_number: bool = False


Piece = str | Value


def combine(parts: Iterable[list[list[Piece]]]) -> list[list[Piece]]:
    return [[piece for part in chosen for piece in part] for chosen in product(*parts)]


def join_pieces(pieces: list[Piece]) -> str:
    """Write a template. Two values of one name are told apart by a number, two side by side become one."""
    names: dict[str, str] = {}
    text, before = "", ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece.replace("{", "{{").replace("}", "}}")
            before = "" if piece else before
            continue
        name, number = piece.name, 2
        while names.get(name, piece.expression) != piece.expression:
            name, number = f"{piece.name}{number}", number + 1
        names[name] = piece.expression
        if before:
            text, name = text.removesuffix(f"{{{before}}}"), f"{before}_{name}"
        text += f"{{{name}:n}}" if piece.is_number else f"{{{name}}}"
        before = name
    return text


def last_name(value: ast.AST) -> str:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").lower()
        case ast.Subscript(value=inner):
            return last_name(inner)
        case (
            ast.Call(func=ast.Name(id="len"), args=[inner])
            | ast.Call(func=ast.Attribute(attr="join"), args=[inner])
        ):
            return last_name(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="replace" | "rstrip")):
            return last_name(inner)
        case ast.Call(func=inner):
            return last_name(inner)
        case ast.BinOp(left=left, right=right):
            return last_name(left if isinstance(right, ast.Constant) else right)
        case ast.UnaryOp(operand=inner):
            return last_name(inner)
        case ast.BoolOp(values=[inner, *_]):
            return last_name(inner)
    return "value"


def is_number_format(spec: ast.expr | None) -> bool:
    return isinstance(spec, ast.JoinedStr) and ast.unparse(spec).strip("f'\"") in (",", "g", ".3g")


def is_text(node: ast.AST) -> bool:
    return (isinstance(node, ast.Constant) and isinstance(node.value, str)) or isinstance(
        node, ast.JoinedStr | ast.BinOp | ast.Call
    )
