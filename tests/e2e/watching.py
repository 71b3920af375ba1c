"""What must not happen in a browser behind a test's back: errors, refused resources, calls to other places."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request, Response, WebError

_ABORTED = "net::ERR_ABORTED"  # the page was left, or the test closed it, while something was under way
_OFFLINE = "net::ERR_INTERNET_DISCONNECTED"
# The browser's word on what `_note_response` sees better, and htmx's on a request that it has given up for a newer one.
_KNOWN_BETTER = ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest")
_GIVEN_UP = "undefined"  # htmx rejects a promise with nothing then; real errors say what they are


class Watch:
    """Notes all that goes wrong in the contexts it follows; `verify` fails if anything did.

    `origin` is the only place that pages may talk to. Violations of the Content-Security-Policy are console errors in
    Chromium, so they are among these.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._expected_statuses: set[int] = set()
        self._offline_expected = False
        self.troubles: list[str] = []

    def follow(self, context: BrowserContext) -> None:
        """Watch all pages of a context from now on."""
        context.on("console", self._note_console)
        context.on("weberror", self._note_error)
        context.on("request", self._note_request)
        context.on("response", self._note_response)
        context.on("requestfailed", self._note_failure)
        context.on("dialog", self._note_dialog)

    def expect(self, *statuses: int) -> None:
        """Take answers with these HTTP statuses for part of the test."""
        self._expected_statuses |= set(statuses)

    def expect_offline(self) -> None:
        """Take requests that fail because the test cut the network for part of it."""
        self._offline_expected = True

    def verify(self) -> None:
        """Fail with a list of what went wrong, if anything did."""
        assert not self.troubles, "In the browser:\n" + "\n".join(f"- {each}" for each in self.troubles)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or message.text.startswith(_KNOWN_BETTER):
            return
        where = message.location
        self.troubles.append(f"console error: {message.text} ({where.get('url')}:{where.get('lineNumber')})")

    def _note_error(self, error: WebError) -> None:
        if str(error.error) != _GIVEN_UP:
            self.troubles.append(f"page error: {error.error}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._origin}/", "data:", "blob:", "about:")):
            self.troubles.append(f"request to another place: {request.method} {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected_statuses:
            self.troubles.append(f"{response.status}: {response.request.method} {response.url}")

    def _note_failure(self, request: Request) -> None:
        reason = request.failure or ""
        if reason == _ABORTED or (self._offline_expected and reason == _OFFLINE):
            return
        self.troubles.append(f"{reason}: {request.method} {request.url}")

    def _note_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "confirm":  # the portal asks before what cannot be undone
            dialog.accept()
            return
        self.troubles.append(f"{dialog.type} dialog: {dialog.message}")
        dialog.dismiss()
