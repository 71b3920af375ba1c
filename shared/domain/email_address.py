"""E-mail addresses: what counts as one, and the single form in which each is compared and sent.

Only what cannot be seen is trimmed. Everything visible stays, but for three changes that make two spellings of
one mailbox equal: Unicode NFC, lower case, and an internationalised domain written in Unicode rather than
Punycode. The rules, with examples that a test runs, are in docs/email-addresses.md.

Lower case is ``str.lower``, not ``str.casefold``: folding turns "straße" into "strasse", another mailbox.
"""

import hashlib
import re
import unicodedata
from enum import StrEnum

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

MAX_ADDRESS_OCTETS = 254
MAX_LOCAL_CHARACTERS = 64

# Zero-width and direction marks, soft hyphen, BOM: they come along when an address is copied from a page.
_INVISIBLE = "\u00ad\u061c\u180e\u2060\u2061\u2062\u2063\u2064\ufeff" + "".join(
    map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
_TRIMMED = _INVISIBLE + "".join(character for character in map(chr, range(0x3001)) if character.isspace())

# A part of what the library accepts, for the addresses nearly everybody has; the rest is left to the library.
# Up to 64 characters no length limit of any part can be passed, whatever the script.
_COMMON_MAX_CHARACTERS = 64
_ATOM = r"[\w!#$%&'*+\-/=?^`{|}~]++"
_LABEL = r"[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+"
_RESERVED = "|".join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))
_is_common = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*+@(?:{_LABEL}\.)+(?!(?i:{_RESERVED})\Z)[A-Za-z]{{2,}}"
).fullmatch


class EmailFault(StrEnum):
    """Why a text is not an address we export; the reason codes of the rejects."""

    BLANK = "email_blank"
    NO_AT_SIGN = "email_no_at_sign"
    FULL_WIDTH_AT = "email_full_width_at"
    SEVERAL = "email_several_addresses"
    DISPLAY_NAME = "email_display_name"
    MAILTO = "email_mailto"
    QUOTED = "email_quoted_local_part"
    IP_LITERAL = "email_ip_literal"
    WHITE_SPACE = "email_white_space"
    HIDDEN_CHARACTER = "email_hidden_character"
    TOO_LONG = "email_too_long"
    TRAILING_DOT = "email_trailing_dot"
    DOTLESS_DOMAIN = "email_dotless_domain"
    RESERVED_DOMAIN = "email_reserved_domain"
    BAD_LOCAL_PART = "email_bad_local_part"
    BAD_DOMAIN = "email_bad_domain"


def normalise_email(text: str) -> str | None:
    """Return the one form of the address in ``text``, or None if ``text`` is not a single bare address.

    Two texts name the same mailbox for us iff their results are equal. The result normalises to itself.
    """
    if len(text) <= _COMMON_MAX_CHARACTERS and text.isascii() and _is_common(text):
        return text.lower()
    return _normalise_uncommon(_tidy(text))


def email_hash(normalised: str) -> str:
    """Return the lower-case hex SHA-256 of an address that ``normalise_email`` returned: it stands for the person
    where the address itself must not be kept."""
    return hashlib.sha256(normalised.encode()).hexdigest()


def explain_email(text: str) -> EmailFault:
    """Return the reason why ``normalise_email`` refused ``text``. Meaningless for a text it accepts."""
    tidy = _tidy(text)
    if not tidy:
        return EmailFault.BLANK
    return _fault_of_whole(tidy) or _fault_of_parts(tidy)


def _tidy(text: str) -> str:
    trimmed = text.strip(_TRIMMED)
    if trimmed.isascii():
        return trimmed.lower()
    # Lower case may undo NFC (as with "İ"), and NFC may bring capitals (the Kelvin sign becomes "K").
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", trimmed).lower())


def _normalise_uncommon(tidy: str) -> str | None:
    if len(tidy) <= _COMMON_MAX_CHARACTERS and _is_common(tidy):
        return tidy
    # Shorter in characters than in octets, so nothing acceptable is lost; and the library is spared long input.
    if len(tidy) > MAX_ADDRESS_OCTETS or "@" not in tidy:
        return None
    try:
        return validate_email(tidy, check_deliverability=False, allow_smtputf8=True, strict=True).normalized
    except EmailNotValidError:
        return None


def _fault_of_whole(tidy: str) -> EmailFault | None:
    if sum("@" in part for part in re.split(r"[\s,;|/<>]+", tidy)) > 1:
        return EmailFault.SEVERAL
    if tidy.startswith("mailto:"):
        return EmailFault.MAILTO
    if "<" in tidy or ">" in tidy:
        return EmailFault.DISPLAY_NAME
    if "@" not in tidy:
        wide = "＠" in tidy or "﹫" in tidy
        return EmailFault.FULL_WIDTH_AT if wide else EmailFault.NO_AT_SIGN
    if tidy.startswith('"'):
        return EmailFault.QUOTED
    if any(character.isspace() for character in tidy):
        return EmailFault.WHITE_SPACE
    if any(unicodedata.category(character)[0] == "C" for character in tidy):
        return EmailFault.HIDDEN_CHARACTER
    return None


def _fault_of_parts(tidy: str) -> EmailFault:
    local, _, domain = tidy.rpartition("@")
    if len(local) > MAX_LOCAL_CHARACTERS or len(tidy.encode()) > MAX_ADDRESS_OCTETS:
        return EmailFault.TOO_LONG
    if domain.startswith("["):
        return EmailFault.IP_LITERAL
    if domain.endswith("."):
        return EmailFault.TRAILING_DOT
    if domain.rpartition(".")[2] in SPECIAL_USE_DOMAIN_NAMES:
        return EmailFault.RESERVED_DOMAIN
    if _normalise_uncommon(f"{local}@example.com") is None:
        return EmailFault.BAD_LOCAL_PART
    if domain and "." not in domain and _normalise_uncommon(f"a@{domain}.com") is not None:
        return EmailFault.DOTLESS_DOMAIN
    return EmailFault.BAD_DOMAIN
