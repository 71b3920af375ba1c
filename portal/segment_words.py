"""What segment files are, in the reader's words."""

from portal.reader import gettext as _
from shared.domain.segment import SourceFormat

_PRODUCTS = {
    SourceFormat.ADOBE: "Adobe Experience Platform",
    SourceFormat.MPARTICLE: "mParticle",
    SourceFormat.SEGMENT: "Twilio Segment",
    SourceFormat.RUDDERSTACK: "RudderStack",
    SourceFormat.CENSUS: "Census",
    SourceFormat.HIGHTOUCH: "Hightouch",
}


def list_formats() -> dict[str, str]:
    """Return what each format is called."""
    return {"auto": _("Plain rows"), **{str(each): name for each, name in _PRODUCTS.items()}}


def list_modes() -> dict[str, str]:
    """Return what the files of each mode hold."""
    return {"full": _("Everybody"), "partial": _("A part of everybody"), "delta": _("Changes")}
