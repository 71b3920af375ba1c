"""Language, theme and time zone. The browser keeps them, so that they need no account."""

from urllib.parse import unquote

from portal.forms import FieldErrors
from portal.languages import LANGUAGES
from portal.reader import gettext as _
from portal.reader import reader
from portal.routing import pages
from portal.site import THEMES
from portal.time_zones import list_zones
from portal.web import ROOT, Outcome, Redirect, Request, View
from shared.domain.schedule import check_zone


@pages.get("preferences")
def show(request: Request) -> Outcome:
    return _view(_own_page(request.query.get("back")), FieldErrors())


@pages.post("preferences")
def save(request: Request) -> Outcome:
    """Whatever is absent stays as it is: the language has buttons of its own on every page."""
    form, back, errors = request.form, _own_page(request.form.get("back")), FieldErrors()
    kept: dict[str, str] = {}
    if (code := form.get("language")) in LANGUAGES:
        kept["language"] = code
    if (theme := form.get("theme")) in THEMES:
        kept["theme"] = theme
    if zone := form.get("time-zone"):
        if check_zone(zone):
            errors.add("time-zone", _("Choose one of the values that are offered."))
            return _view(back, errors)
        kept["time-zone"] = zone
    return Redirect(back, kept=kept)


def _view(back: str, errors: FieldErrors) -> View:
    values = {"back": back, "zones": list_zones(), "zone": str(reader().time_zone), "errors": errors}
    return View("preferences/edit.html", values, 422 if errors else 200)


def _own_page(wanted: str) -> str:
    """Links elsewhere are not followed; nor is what is no address, since the host takes only ASCII as a header."""
    path = unquote(wanted.partition("?")[0])
    is_odd = "//" in path or "\\" in path or ".." in path.split("/") or any(ord(each) < 32 for each in path)
    is_own = path.startswith(f"{ROOT}/") and not is_odd and wanted.isascii() and wanted.isprintable()
    return wanted if is_own else f"{ROOT}/"
