"""Personal data, shown only as far as a person needs to find the row again."""

import re
import unicodedata

# Tried only where a word begins, and never twice in one: a long word without an @ is gone through once.
_ADDRESS = re.compile(r"""(?<![^\s@<>()"',;:=])[^\s@<>()"',;:=]++@[^\s@<>()"',;:=]+""")
_WHOLE_ADDRESS = re.compile(r"""["']?[^\s@<>()"',;:=]+@(?:[^\s@<>()"',;:=.]+\.)+[^\W\d_]{2,24}["']?""")
# Annotations such as "ownerid@OData.Community.Display.V1.FormattedValue" (OData JSON Format 4.01, 4.5).
_ANNOTATION = re.compile(r"@(?:odata|microsoft)\.", re.IGNORECASE)
# The joiners are part of names in scripts that are written with them (RFC 5892, appendix A).
_IN_DOMAINS = ".-_\u200c\u200d"
_CONTROLS = ("\t", "\r", "\n")
# Where cells begin: which character separates them depends on the language of the spreadsheet, not on the file.
_FORMULA = re.compile(r"(^|[;,|\t\r\n])([^\S\t\r\n]*)(?=[=+\-@＝＋－＠])")


def mask(value: str) -> str:
    """Return ``j***@example.com`` for an address, the first characters and ``***`` for anything else.

    What follows the last @ is shown only if it could be a domain: it may be somebody's name or number as well.
    """
    value = value.strip()
    if not value:
        return ""
    local, at, domain = value.rpartition("@")
    if at and local:
        shown = domain[:64]
        return f"{local[0]}***@{shown if _could_be_domain(shown) else '***'}"
    return f"{value[: min(2, len(value) // 3)]}***"


def _could_be_domain(text: str) -> bool:
    return bool(text) and all(each in _IN_DOMAINS or unicodedata.category(each)[0] in "LMN" for each in text)


def mask_addresses(text: str) -> str:
    """Return somebody else's words with every e-mail address in them masked."""
    return _ADDRESS.sub(lambda found: mask(found[0]), text)


def is_address(text: str) -> bool:
    """Tell whether a text is somebody's e-mail address, with or without quotes, and nothing else."""
    return bool(_WHOLE_ADDRESS.fullmatch(text.strip())) and not _ANNOTATION.search(text)


def spreadsheet_safe(value: str) -> str:
    """Return ``value`` so that no spreadsheet takes it for a formula (OWASP, CSV injection)."""
    safe = _FORMULA.sub(r"\1\2'", value)
    return f"'{safe}" if safe.startswith(_CONTROLS) else safe
