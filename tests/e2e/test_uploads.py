"""Segment files from the browser: in blocks with progress, over an interruption, and as a plain form."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import check_accessibility
from tests.e2e.conftest import SignIn
from tests.e2e.watching import Watch
from tests.system.driver import Json, Segpilot, make_people

ROWS = 100_000
_FOLLOW = """() => {
  const bar = document.querySelector('#sending progress');
  new MutationObserver(() => noteProgress(bar.value / bar.max)).observe(bar, {attributes: true});
}"""


@pytest.fixture
def people(tmp_path: Path, tag: str) -> Path:
    """A file of 100,000 people, of more blocks than are sent at once."""
    path = tmp_path / "people.csv"
    header, *rows = make_people(range(ROWS), tag).data.decode().splitlines()
    path.write_text("\n".join([f"{header},Notes", *(f"{row},{'n' * 250}" for row in rows)]), encoding="utf-8")
    return path


def open_form(page: Page, *, segment: str, file: Path, labels: tuple[str, str] = ("Segment", "File")) -> None:
    page.goto("/portal/segments/new")
    form = page.locator("main form").first
    form.get_by_role("textbox", name=labels[0]).fill(segment)
    form.get_by_label(labels[1]).set_input_files(file)


def follow_progress(
    page: Page, *, segment: str, file: Path, labels: tuple[str, str] = ("Segment", "File")
) -> list[float]:
    """Open the form, and return a list that gets each share that its progress bar shows."""
    shares: list[float] = []
    page.expose_function("noteProgress", lambda share: shares.append(share))
    open_form(page, segment=segment, file=file, labels=labels)
    page.evaluate(_FOLLOW)
    return shares


def with_rows(segment: Json | None) -> Json | None:
    return segment if segment and segment["rows"] is not None else None


class Line:
    """A page's connection to the network. It is slow, so that an upload can be watched, and may be cut."""

    def __init__(self, page: Page, *, bytes_per_s: int) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")
        self._limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
        self.mend()

    def cut(self) -> None:
        self._session.send("Network.emulateNetworkConditions", {"offline": True, **self._limits})

    def mend(self) -> None:
        self._session.send("Network.emulateNetworkConditions", {"offline": False, **self._limits})


def test_a_large_file_goes_up_with_progress_and_its_run_fills_the_list(
    sign_in: SignIn, app: Segpilot, tag: str, people: Path
) -> None:
    export = app.add_export(tag)
    page = sign_in("contributor")
    shares = follow_progress(page, segment=tag, file=people)
    Line(page, bytes_per_s=people.stat().st_size // 2)
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.get_by_role("status").filter(has_text="Uploading.")).to_be_visible()
    expect(page.get_by_role("heading", level=1, name="Uploaded")).to_be_visible(timeout=60_000)
    assert shares == sorted(shares)
    assert len({share for share in shares if 0 < share < 1}) >= 3
    expect(page.get_by_role("link", name=f"Export of {tag}")).to_be_visible()
    expect(page.get_by_text("The file has been looked at")).to_be_visible(timeout=60_000)
    run = app.wait_for_run(export)
    assert (run["status"], run["trigger"], run["counts"]["sent"]) == ("Successful", "upload", ROWS)
    assert len(app.simulator.members(tag)) == ROWS


def test_an_interrupted_upload_goes_on(
    sign_in: SignIn, app: Segpilot, watch: Watch, tag: str, people: Path
) -> None:
    page = sign_in("contributor", "ro")
    shares = follow_progress(page, segment=tag, file=people, labels=("Segment", "Fișier"))
    line = Line(page, bytes_per_s=people.stat().st_size // 4)
    page.locator("#upload").get_by_role("button", name="Încărcare").click()
    app.wait_until(
        lambda: page.wait_for_timeout(50) or (shares and shares[-1] > 0) or None, "the first block"
    )

    watch.expect_offline()
    line.cut()
    expect(page.get_by_role("status").filter(has_text="întrerupt")).to_be_visible()
    check_accessibility(page)
    line.mend()

    expect(page.get_by_role("heading", level=1, name="Încărcat")).to_be_visible(timeout=60_000)
    arrived = app.wait_until(lambda: with_rows(app.find_segment(tag)), "the segment's rows")
    assert arrived["rows"] == ROWS


def test_a_file_is_uploaded_without_javascript(
    sign_in: SignIn, app: Segpilot, tag: str, tmp_path: Path
) -> None:
    path = tmp_path / "lectores.csv"
    people = make_people(range(300), tag)
    path.write_bytes(people.data)
    export = app.add_export(tag)
    page = sign_in("contributor", "es", javascript=False)
    open_form(page, segment=tag, file=path, labels=("Segmento", "Archivo"))
    page.locator("#upload").get_by_role("button", name="Cargar").click()

    expect(page.get_by_role("heading", level=1, name="Cargado")).to_be_visible()
    run = app.wait_for_run(export)
    assert run["counts"]["sent"] == 300
    assert app.simulator.members(tag) == sorted(people.emails)


def test_a_form_without_a_file_says_what_is_missing(sign_in: SignIn, watch: Watch) -> None:
    page = sign_in("contributor", javascript=False)
    page.goto("/portal/segments/new")
    # As a browser would send it that does not check the form itself.
    page.locator("#upload").evaluate("form => { form.noValidate = true }")
    watch.expect(422)
    page.locator("#upload").get_by_role("button", name="Upload").click()

    summary = page.get_by_role("alert")
    expect(summary.get_by_role("link", name="Give the segment a name.")).to_have_attribute("href", "#segment")
    expect(summary.get_by_role("link", name="Choose a file.")).to_have_attribute("href", "#file")
    expect(page.get_by_role("textbox", name="Segment").first).to_have_attribute("aria-invalid", "true")


def test_an_empty_file_is_refused_before_it_is_sent(
    sign_in: SignIn, app: Segpilot, tag: str, tmp_path: Path
) -> None:
    path = tmp_path / "nobody.csv"
    path.touch()
    page = sign_in("contributor")
    open_form(page, segment=tag, file=path)
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.get_by_text("The file is empty.")).to_be_visible()
    assert app.find_segment(tag) is None
