"""Personal data, shown only as far as a person needs to find the row again."""

import re

_ADDRESS = re.compile(r"""[^\s@<>()"',;:=]+@[^\s@<>()"',;:=]+""")
_WHOLE_ADDRESS = re.compile(r"""["']?[^\s@<>()"',;:=]+@(?:[^\s@<>()"',;:=.]+\.)+[^\W\d_]{2,24}["']?""")
# Annotations such as "ownerid@OData.Community.Display.V1.FormattedValue" (OData JSON Format 4.01, 4.5).
_ANNOTATION = re.compile(r"@(?:odata|microsoft)\.", re.IGNORECASE)
_CONTROLS = ("\t", "\r", "\n")
# Where cells begin: which character separates them depends on the language of the spreadsheet, not on the file.
_FORMULA = re.compile(r"(^|[;,|\t\r\n])(\s*)(?=[=+\-@＝＋－＠])")


def mask(value: str) -> str:
    """Return ``j***@example.com`` for an address, the first characters and ``***`` for anything else."""
    value = value.strip()
    if not value:
        return ""
    local, at, domain = value.rpartition("@")
    if at and local:
        return f"{local[0]}***@{domain[:64]}"
    return f"{value[: min(2, len(value) // 3)]}***"


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
