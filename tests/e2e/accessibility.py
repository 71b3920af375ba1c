"""axe-core (Deque Systems) looks at a page as it stands: WCAG 2.2 A and AA, and its best practices."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from devkit.azurite import DEVKIT

_AXE = DEVKIT / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = "only => axe.run(document, {runOnly: only, resultTypes: ['violations']})"


def find_barriers(page: Page, rule: str | None = None) -> list[str]:
    """Return what axe finds, by one rule or all, a line per rule and place: `rule (impact) at selector: what to do`."""
    if not page.evaluate("() => 'axe' in window"):
        # Evaluated by the debugger, so that the page's Content-Security-Policy stays as it is.
        page.evaluate(_source())
    only = {"type": "rule", "values": [rule]} if rule else {"type": "tag", "values": _TAGS}
    found = page.evaluate(_RUN, only)
    return [_describe(rule, node) for rule in found["violations"] for node in rule["nodes"]]


def check_accessibility(page: Page, what: str = "") -> None:
    """Fail with the barriers of the page if there are any."""
    barriers = find_barriers(page)
    title = what or page.url
    assert not barriers, f"Barriers in {title}:\n" + "\n".join(f"- {each}" for each in barriers)


@cache
def _source() -> str:
    assert _AXE.exists(), f"{_AXE} is missing; npm ci --prefix devkit installs it."
    return _AXE.read_text(encoding="utf-8")


def _describe(rule: dict[str, Any], node: dict[str, Any]) -> str:
    place = " ".join(str(step) for step in node["target"])
    advice = " ".join(str(node["failureSummary"]).split())
    return f"{rule['id']} ({rule['impact']}) at {place}: {advice}"
