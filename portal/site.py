"""The portal as a whole: who is asking, in which language, is the form genuine, which page answers, and what breaks."""

import base64
import gzip
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from portal import csrf
from portal.languages import choose_language, choose_region, language
from portal.reader import Reader, reading
from portal.routing import Route, pages
from portal.static_files import find_static
from portal.templating import environment
from portal.web import ROOT, Data, Download, Outcome, Redirect, Request, Response, View
from shared.domain.errors import NotFound, NotSignedIn, SegpilotError
from shared.domain.schedule import check_zone

NOTICE = "notice"
THEMES = ("auto", "light", "dark")
_KEPT_S = 31_536_000
_SMALL_BYTES = 1_000
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_WHOLE_PAGE = {"HX-Retarget": "#main", "HX-Reselect": "#main", "HX-Reswap": "outerHTML"}
_ON_TOP = {"HX-Retarget": "#trouble", "HX-Reselect": "#trouble", "HX-Reswap": "outerHTML show:#main:top"}
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def answer(request: Request) -> Response:
    """Answer a request. It never raises: what goes wrong becomes a page that says so."""
    if request.path.startswith("static/"):
        return _send_static(request)
    with reading(_reader_of(request)):
        try:
            return _encode(request, _outcome(request))
        except NotSignedIn as problem:
            return _lead_to_sign_in(request, problem)
        except Exception as error:
            return _tell(request, error)


def tell(request: Request, error: Exception) -> Response:
    """Return the page that says what went wrong after a page had done its part."""
    with reading(_reader_of(request)):
        return _tell(request, error)


def _outcome(request: Request) -> Outcome:
    # Who is not signed in learns nothing, not even which pages there are.
    request.person = request.identify()
    found = pages.find(request.method, request.path)
    if found is None:
        raise NotFound("There is no such page.", code="no-such-page")
    route, request.params = found
    if request.method == "POST":
        csrf.require_token(request)
    _require_role(request, route)
    return route.page(request)


def _require_role(request: Request, route: Route) -> None:
    """Raise Forbidden for somebody without the role; the audit log gets what they wanted to change."""
    person = request.principal
    if request.method != "POST" or person.role.includes(route.role):
        person.require(route.role)
        return
    with request.app.journal.audited(person, "portal.form") as details:
        details["form"] = "/".join(route.steps)
        person.require(route.role)


def _reader_of(request: Request) -> Reader:
    cookies = request.cookies
    accepted = request.headers.get("accept-language", "")
    code = choose_language(cookies.get("language", ""), accepted)
    zone = _zone(cookies.get("time-zone", ""))
    return Reader(language(code), zone, request.app.clock(), choose_region(code, accepted))


def _zone(name: str) -> tzinfo:
    wanted = unquote(name)
    return ZoneInfo("UTC" if not wanted or check_zone(wanted) else wanted)


def _encode(request: Request, outcome: Outcome) -> Response:
    match outcome:
        case View():
            return replace(_render(request, outcome), effects=outcome.effects)
        case Redirect():
            cookies = [_cookie(name, value, _KEPT_S) for name, value in outcome.kept.items()]
            if outcome.notice:
                cookies.append(_cookie(NOTICE, _pack_notice(outcome.notice[:500]), 60))
            return Response(303, b"", {"Location": outcome.to, **_HEADERS}, cookies, outcome.effects)
        case Download():
            names = {
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(outcome.file_name, safe='')}"
            }
            return _pack(request, 200, outcome.content, {"Content-Type": outcome.media_type, **names})
        case Data():
            return _pack(request, outcome.status, outcome.content, {"Content-Type": "application/json"})


def _render(request: Request, view: View) -> Response:
    cookies = []
    secret = csrf.secret_of(request)
    if secret is None:
        secret = csrf.new_secret()
        cookies.append(f"{csrf.COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax")
    notice = "" if request.is_live else _unpack_notice(request.cookies.get(NOTICE, ""))
    if notice:
        cookies.append(_cookie(NOTICE, "", 0))
    theme = request.cookies.get("theme", "")
    text = (
        environment()
        .get_template(view.template)
        .render(
            **view.values,
            request=request,
            here=_address_of_page(request),
            person=request.person,
            csrf_token=lambda: csrf.mask(secret),
            notice=notice,
            theme=theme if theme in THEMES else "auto",
        )
    )
    return _pack(request, view.status, text.encode(), {"Content-Type": "text/html; charset=utf-8"}, cookies)


def _address_of_page(request: Request) -> str:
    """Return where the page that is shown can be opened; the answer to a form may have no address of its own."""
    can_be_opened = request.method == "GET" or pages.find("GET", request.path)
    return request.address if can_be_opened else f"{ROOT}/"


def _pack(
    request: Request, status: int, body: bytes, headers: Mapping[str, str], cookies: list[str] | None = None
) -> Response:
    told = {**_HEADERS, "Cache-Control": "no-store", "Vary": "Accept-Encoding", **headers}
    if len(body) > _SMALL_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body, told["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    return Response(status, body, told, cookies or [])


def _send_static(request: Request) -> Response:
    found = find_static(request.path.removeprefix("static/"))
    if found is None:
        return Response(404, b"", dict(_HEADERS))
    fresh = request.query.get("v") == found.digest
    kept = f"public, max-age={_KEPT_S}, immutable" if fresh else "no-cache"
    packed = _pack(request, 200, found.content, {"Content-Type": found.media_type})
    return replace(packed, headers={**packed.headers, "Cache-Control": kept})


def _lead_to_sign_in(request: Request, problem: NotSignedIn) -> Response:
    if problem.reason == "sign-in-off":
        return _tell(request, problem)
    if request.method == "POST":
        # Elsewhere, what was typed would be lost.
        told = _render(request, View("signed_out.html", status=401))
        return _placed(request, told)
    if request.is_live:
        return Response(401, b"", {"HX-Refresh": "true", **_HEADERS})
    # An address that begins with two slashes would be another site's.
    back = request.address if request.address.startswith(f"{ROOT}/") else f"{ROOT}/"
    to = f"/.auth/login/aad?post_login_redirect_uri={quote(back, safe='')}"
    return Response(302, b"", {"Location": to, **_HEADERS})


def _tell(request: Request, error: Exception) -> Response:
    if not isinstance(error, SegpilotError):
        logging.error("A page of the portal broke down.", exc_info=error)
        error = SegpilotError("An unexpected error was logged.", remedy="Try again; see the log of the app.")
    return _placed(request, _render(request, View("problem.html", {"problem": error}, error.status)))


def _placed(request: Request, told: Response) -> Response:
    """A part of a page that asked would look for itself in the answer, and vanish. What was typed stays."""
    if not request.is_live:
        return told
    place = _ON_TOP if request.method == "POST" else _WHOLE_PAGE
    return replace(told, headers={**told.headers, **place})


def _pack_notice(notice: str) -> str:
    return base64.urlsafe_b64encode(notice.encode(errors="replace")).decode().rstrip("=")


def _unpack_notice(packed: str) -> str:
    try:
        return base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode(errors="replace")
    except ValueError:
        return ""


def _cookie(name: str, value: str, max_age_s: int) -> str:
    """The host writes characters with a meaning in a cookie's value as percent codes: those are not for values here."""
    return f"{name}={value}; Path={ROOT}; Max-Age={max_age_s}; SameSite=Lax"
