"""What holds for every page, whatever it shows."""

import re

from playwright.sync_api import Page

from tests.e2e.accessibility import find_barriers
from tests.e2e.watching import Watch

NARROW, WIDE = 360, 1280
_INLINE = re.compile(
    r"<style\b|<[^>]*\sstyle\s*=|<[^>]*\son[a-z]+\s*=|<script\b(?![^>]*\bsrc=)", re.IGNORECASE
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_WIDEST = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('main *, header *')]
    .filter(each => each.getBoundingClientRect().right > wide + 1 && !each.closest('.scroll'))
    .map(each => each.tagName + '.' + each.className).slice(0, 5);
}"""
_LOOSE = """mark => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (walker.currentNode.data.includes(mark) && !parent.closest('bdi, option, textarea, [dir=auto]'))
      found.push(parent.outerHTML.slice(0, 150));
  }
  return found;
}"""


def look_at(page: Page) -> list[str]:
    """Return what is wrong with a page and all that can be unfolded on it: barriers in light and dark, wide and narrow,
    and what does not fit."""
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{width} px: {each}" for each in find_barriers(page)]
        found += [f"{width} px: too wide: {each}" for each in find_overflow(page)]
    # Nothing but colours differs in the dark.
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {each}" for each in find_barriers(page, "color-contrast")]
    page.emulate_media(color_scheme="light")
    return found


def visit(page: Page, visited: list[str], watch: Watch) -> None:
    """Fail with all that is wrong with these pages."""
    watch.follow(page.context)
    found = []
    for address in visited:
        answer = page.goto(f"/portal/{address}")
        assert answer is not None
        assert answer.ok, f"{answer.status}: {page.url}"
        wrong = [f"inline: {each}" for each in find_inline(answer.text())] + look_at(page)
        found += [f"/portal/{address}: {each}" for each in wrong]
    assert not found, "\n".join(found)


def find_overflow(page: Page) -> list[str]:
    """Return elements that make the page scroll sideways, as far as they are to be named."""
    return [str(each) for each in page.evaluate(_WIDEST)]


def find_inline(html: str) -> list[str]:
    """Return scripts, styles and event handlers that stand in a page's own text."""
    bare = _QUOTED.sub('""', html)
    return [found[0] for found in _INLINE.finditer(bare)]


def find_loose(page: Page, mark: str) -> list[str]:
    """Return elements that show text with this mark without isolating its direction from what stands around it."""
    return [str(each) for each in page.evaluate(_LOOSE, mark)]
