"""The browser tests would notice: each kind of trouble that they promise to fail on does fail them."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.e2e.accessibility import check_accessibility
from tests.e2e.watching import Watch

GOOD = '<!doctype html><html lang="en"><title>Good</title><main><h1>Good</h1><p>Nothing is wrong here.</p></main></html>'
Open = Callable[[str], Page]


class SmallSite:
    """Serves one page at every path but `/missing`, with a policy that allows nothing from outside the page."""

    def __init__(self) -> None:
        self.page = GOOD
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(404 if self.path == "/missing" else 200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header(
                    "Content-Security-Policy", "default-src 'none'; script-src 'self' 'nonce-own'"
                )
                self.end_headers()
                self.wfile.write(site.page.encode())

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[SmallSite]:
    small = SmallSite()
    Thread(target=small.server.serve_forever, args=(0.01,), daemon=True).start()
    yield small
    small.server.shutdown()
    small.server.server_close()


@pytest.fixture
def watch(site: SmallSite) -> Watch:
    """Unlike that of other tests, nobody verifies it at the end."""
    return Watch(site.origin)


@pytest.fixture
def show(site: SmallSite, browser: Browser, watch: Watch) -> Iterator[Open]:
    """Show a page with this text inside its main part."""
    context = browser.new_context(base_url=site.origin)
    watch.follow(context)

    def show(inside: str) -> Page:
        site.page = GOOD.replace("</main>", f"{inside}</main>")
        page = context.new_page()
        page.goto("/page")
        return page

    yield show
    context.close()


def test_a_good_page_is_no_trouble(show: Open, watch: Watch) -> None:
    check_accessibility(show("<p>Fine.</p>"))

    watch.verify()


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<script nonce=own>console.error('odd')</script>", "console error: odd"),
        ("<script nonce=own>null.length</script>", "page error: "),
        ("<script>document.title = 'inline'</script>", "Content Security Policy"),
        ("<p style='color: red'>inline</p>", "Content Security Policy"),
        ("<script src=/missing></script>", "404: GET "),
        ("<script nonce=own>alert('bitten')</script>", "alert dialog: bitten"),
    ],
)
def test_trouble_in_a_page_fails_the_test(show: Open, watch: Watch, inside: str, told: str) -> None:
    show(inside)

    with pytest.raises(AssertionError, match="In the browser:") as failed:
        watch.verify()
    assert told in str(failed.value)


def test_a_page_that_leads_elsewhere_fails_the_test(show: Open, watch: Watch) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        show("").goto("http://elsewhere.example/")

    assert "request to another place: GET http://elsewhere.example/" in watch.troubles


def test_an_expected_status_is_no_trouble(show: Open, watch: Watch) -> None:
    watch.expect(404)
    show("").goto("/missing")

    watch.verify()


def test_a_status_is_noticed_where_nobody_expects_it(show: Open, watch: Watch) -> None:
    show("").goto("/missing")

    assert watch.troubles == [f"404: GET {watch._origin}/missing"]


@pytest.mark.parametrize(
    ("inside", "rule"),
    [
        ("<input type=text>", "label"),
        ("<h3>Steps from one to three</h3>", "heading-order"),
        ("<img src=data:,>", "image-alt"),
        ("<p><font color=#999999>Hardly there</font></p>", "color-contrast"),
    ],
)
def test_a_barrier_fails_the_test(show: Open, inside: str, rule: str) -> None:
    page = show(inside)

    with pytest.raises(AssertionError, match=rf"- {rule} \("):
        check_accessibility(page)
