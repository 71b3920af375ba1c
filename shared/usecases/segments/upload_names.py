"""Names of files that people upload: ``{segment}/{moment}-{random}-{cleaned file name}``.

What Azure refuses or changes in the name of a blob: more than 1,024 characters, steps of the path that end with a dot,
control characters; a backslash becomes a slash (Azure documentation, "Naming and referencing containers, blobs, and
metadata"). HTTP libraries resolve ``.`` and ``..``.
"""

import re
import unicodedata
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import Invalid
from shared.domain.identifiers import dated_id, moment_of
from shared.domain.segment import SegmentName
from shared.pipeline.layouts import PlainFile, classify

KEPT_FOR = timedelta(days=7)
"""How long the blocks of an upload that is not finished are kept."""

_CLOCK_SKEW = timedelta(minutes=5)
_KIND = "upload"
_MAX_NAME, _MAX_FILE_NAME, _ENDING = 1_024, 100, 20
_UPLOADED = re.compile(r"(?P<stamp>[0-9]{8}T[0-9]{6}Z-[a-kmnp-z2-9]{12})-(?P<file>.+)", re.DOTALL)
_PERCENT_CODE = re.compile(r"%[0-9A-Fa-f]{2}")
_JOINERS = "\u200c\u200d"
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_segment_name = TypeAdapter(SegmentName)


def new_upload_name(segment: str, file_name: str, at: datetime) -> str:
    """Return a name that nothing else has. The file's own name is cleaned and cut; Invalid tells what cannot be used."""
    check_segment(segment)
    file = _cleaned(file_name)
    name = f"{segment}/{dated_id(_KIND, at).removeprefix(f'{_KIND}-')}-{file}"
    _check_place(segment, file, name)
    return name


def segment_of_upload(name: str, now: datetime) -> str:
    """Return the segment of a name that ``new_upload_name`` could have given lately. Raises Invalid for any other."""
    segment, _, rest = name.partition("/")
    found = _UPLOADED.fullmatch(rest)
    begun_at = moment_of(f"{_KIND}-{found['stamp']}") if found else None
    if not found or begun_at is None or _cleaned(found["file"]) != found["file"]:
        raise Invalid("This is not the name of an upload.", remedy="Begin the upload again.")
    check_segment(segment)
    _check_place(segment, found["file"], name)
    if not -_CLOCK_SKEW <= now - begun_at <= KEPT_FOR:
        raise Invalid(
            f"This upload was begun more than {KEPT_FOR.days} days ago; its parts are gone.",
            code="upload-expired",
            remedy="Upload the file again.",
        )
    return segment


def check_segment(segment: str) -> None:
    """Raise Invalid for a name under which no files can be uploaded."""
    try:
        _segment_name.validate_python(segment)
    except ValidationError:
        raise _wrong_segment(
            "This cannot be the name of a segment.", "Give it 1 to 500 characters, without '/'."
        ) from None
    if segment != segment.strip() or segment.endswith(".") or "\\" in segment:
        raise _wrong_segment(
            "Names of segments have no spaces around them, no '\\' and no dot at the end.",
            "Leave these characters out.",
        )
    if _PERCENT_CODE.search(segment):
        raise _wrong_segment(
            "Names of segments have no percent codes such as '%2F'.", "Write the character itself."
        )
    if any(_is_unseen(character) for character in segment):
        raise _wrong_segment(
            "There are characters in the name that nobody can see, such as a mark that turns the direction of writing.",
            "Type the name instead of pasting it.",
        )
    if not isinstance(classify(f"{segment}/people.csv"), PlainFile):
        raise _wrong_segment(
            "This is the name of a folder that Customer Insights writes into.", "Choose another name."
        )


def _check_place(segment: str, file: str, name: str) -> None:
    """Only a file that is one by its own name, too, is taken: a manifest with another name would be read as people."""
    if not all(classify(each) == PlainFile(segment, each) for each in (f"{segment}/{file}", name)):
        raise Invalid(
            "By its name this is not a file of people.",
            code="file-name",
            errors=[{"pointer": "/file_name", "detail": "the name of no segment file"}],
            remedy="Choose a file that ends in .csv, .tsv, .txt, .json, .jsonl, .ndjson or .parquet, also with .gz or"
            " .zip, and is no manifest. Save workbooks as CSV first.",
        )
    if len(name.encode("utf-16-le")) // 2 > _MAX_NAME:
        raise _wrong_segment("The name of the segment is too long.", "Choose a shorter name.")


def _cleaned(file_name: str) -> str:
    """Return the last step of a path with letters, digits, ``-``, ``_`` and ``.`` only; what is clean stays as it is."""
    base = re.split(r"[/\\]", file_name)[-1]
    kept = "".join(character if _is_plain(character) else "_" for character in base)
    if len(kept) > _MAX_FILE_NAME:
        kept = kept[: _MAX_FILE_NAME - _ENDING] + kept[-_ENDING:]
    return re.sub("_{2,}", "_", kept).strip("._")


def _is_plain(character: str) -> bool:
    return character in "-_." or unicodedata.category(character)[0] in "LMN"


def _is_unseen(character: str) -> bool:
    if character in _JOINERS:
        return False
    return unicodedata.category(character) in _UNSEEN or character in "\ufffe\uffff"


def _wrong_segment(message: str, remedy: str) -> Invalid:
    return Invalid(
        message,
        code="segment-name",
        errors=[{"pointer": "/segment", "detail": "cannot be the name of a segment"}],
        remedy=remedy,
    )
