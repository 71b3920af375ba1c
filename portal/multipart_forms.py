"""Forms with files in them, as browsers send those without a script (RFC 7578)."""

from dataclasses import dataclass

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from shared.domain.errors import Invalid

MULTIPART = "multipart/form-data"
_MAX_PARTS = 100
_MAX_VALUE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a form. ``name`` is what the browser calls it: nothing that can be relied on, empty for no file."""

    name: str
    content: bytes


def read_multipart(body: bytes, content_type: str) -> tuple[list[tuple[str, str]], dict[str, SentFile]]:
    """Return names with their values, and the files by name. Raises Invalid for what is no such form."""
    pairs: list[tuple[str, str]] = []
    files: dict[str, SentFile] = {}
    part, content = None, bytearray()
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    try:
        with PushMultipartParser(boundary, content_length=len(body), max_segment_count=_MAX_PARTS) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    part, content = event, bytearray()
                elif event:
                    content += event
                    _require_short(part, content)
                elif part is not None and part.filename is not None:
                    files[part.name or ""] = SentFile(part.filename, bytes(content))
                elif part is not None:
                    pairs.append((part.name or "", content.decode("utf-8", "replace")))
    except MultipartError:
        raise Invalid("This is not a form.", code="not-a-form") from None
    return pairs, files


def _require_short(part: MultipartSegment | None, content: bytearray) -> None:
    """What is no file has to be short."""
    if part is not None and part.filename is None and len(content) > _MAX_VALUE_BYTES:
        raise Invalid("The form is too large.", code="form-too-large")
