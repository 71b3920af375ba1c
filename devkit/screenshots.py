"""Pictures of the portal for the documentation: `python -m devkit screenshots` writes them to docs/images/.

A stack of its own is filled with a showcase, so that they always show the portal as it is.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

from devkit.browser import MISSING, find_chromium, launch
from devkit.host.easy_auth import PEOPLE
from devkit.local.stack import REPOSITORY, LocalStack
from devkit.showcase import Showcase, fill
from devkit.showcase.filling import LOYAL, READERS

FOLDER = REPOSITORY / "docs" / "images"
LARGEST_BYTES = 200_000
_LOCALES = {"en": "en-GB", "es": "es-ES", "ro": "ro-RO"}


@dataclass(frozen=True)
class Shot:
    """A picture `{name}.png` of what a person sees at an address below /portal/; `height` is that of the window."""

    name: str
    address: str
    language: str = "en"
    theme: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int = 860
    role: str = "administrator"


def list_shots(showcase: Showcase) -> list[Shot]:
    """Return all pictures, in the order in which the README tells of them."""
    newsletter = showcase.connections["Newsletter account"]
    new_export = f"exports/new?segment={quote(LOYAL)}&connection={newsletter}"
    return [
        Shot("home-light", ""),
        Shot("run-going-dark", f"runs/{showcase.going}", theme="dark"),
        Shot("home-month-dark", "#month", theme="dark"),
        Shot("connections-es", "connections", language="es"),
        Shot("connection-new-es", "connections/new", language="es", height=1200),
        Shot("exports-light", "exports", height=760),
        Shot("export-new-ro", new_export, language="ro", height=1400),
        Shot("run-approval-light", f"runs/{showcase.waiting}"),
        Shot("run-rejects-es", f"runs/{showcase.with_rejects}", language="es"),
        Shot("runs-narrow", "runs", width=360, height=800),
        Shot("segment-ro", f"segments/{quote(READERS)}", language="ro"),
        Shot("segments-dark", "segments", theme="dark", role="contributor"),
    ]


def main(argv: Sequence[str]) -> int:
    """Write all pictures; return the exit code, 1 when one could not be made or is too large."""
    parser = argparse.ArgumentParser(prog="python -m devkit screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (%(default)s)")
    folder = parser.parse_args(argv).folder
    program = find_chromium()
    if program is None:
        print(f"!!! {MISSING} no pictures.", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, _start(Path(state)) as stack:
        showcase = fill(stack, going_calls_per_s=2)  # half done when its picture is taken
        with sync_playwright() as playwright, launch(playwright, program) as browser:
            fine = [_take(browser, stack.host_url, shot, folder) for shot in list_shots(showcase)]
    return 0 if all(fine) else 1


def _start(state: Path) -> LocalStack:
    settings = {"SETTLE_TIME_S": "1", "MAX_CALLS_PER_S": "0"}
    return LocalStack(state, autopilot_switches={"bulk_list": "honoured"}, settings=settings)


def _take(browser: Browser, site: str, shot: Shot, folder: Path) -> bool:
    path = folder / f"{shot.name}.png"
    with browser.new_context(
        base_url=site,
        locale=_LOCALES[shot.language],
        timezone_id="Europe/Bucharest",
        color_scheme=shot.theme,
        viewport={"width": shot.width, "height": shot.height},
    ) as context:
        page = context.new_page()
        # The first page teaches the portal the browser's time zone.
        page.goto("/.auth/login/aad?post_login_redirect_uri=/portal/preferences")
        page.get_by_role("button", name=PEOPLE[shot.role].name).click()
        page.wait_for_url("**/portal/**")
        answer = page.goto(f"/portal/{shot.address}")
        page.screenshot(path=path)
    size_bytes = path.stat().st_size
    fine = answer is not None and answer.ok and size_bytes <= LARGEST_BYTES
    print(f"{'  ' if fine else '! '}{path.name:<28} {size_bytes / 1000:6.1f} kB  {page.url}", flush=True)
    return fine
