"""Links, anchors, pictures and paths that the documentation names lead somewhere.

Other hosts cannot be reached from where these tests run: of links to them the form is checked, and that the host is one that
somebody looked at (`HOSTS`).
"""

import re
from urllib.parse import urlsplit

import pytest

from tests.unit.docs_pages import PAGES, ROOT, Page, make_anchor

BY_PATH = {page.path: page for page in PAGES}
HOSTS = {
    "azure.microsoft.com",
    "github.com",
    "keepachangelog.com",
    "learn.microsoft.com",
    "semver.org",
    "www.rfc-editor.org",
}
"""Hosts that links may lead to. Add one when you have opened the link."""
PLACES = ("shared", "functions", "portal", "devkit", "docs", "tests", "infra", "bench", ".ci", ".github")
_PATH = re.compile(rf"^(?:{'|'.join(map(re.escape, PLACES))})/[\w./*-]*$")
_PLAIN_PATH = re.compile(r"(?<![\w/])docs/[\w./-]+\.md\b")


def find_broken_links(page: Page) -> list[str]:
    """Return the targets of a page's links that lead nowhere in this repository, or to hosts that nobody knows."""
    broken = []
    for link in page.links:
        parts = urlsplit(link.target)
        if parts.scheme:
            is_known = parts.scheme == "https" and parts.hostname in HOSTS and not parts.username
            broken += [] if is_known else [link.target]
            continue
        path = (ROOT / page.path).parent / parts.path if parts.path else ROOT / page.path
        file = path.resolve()
        if not file.exists() or not file.is_relative_to(ROOT):
            broken.append(link.target)
        elif parts.fragment:
            other = Page("", file.read_text(encoding="utf-8")) if parts.path else page
            if parts.fragment not in other.anchors:
                broken.append(link.target)
    return broken


def find_missing_paths(page: Page) -> list[str]:
    """Return what looks like a path of this repository, and is none."""
    named = [span.partition("::")[0] for span in page.spans]
    paths = {name.rstrip(".") for name in named if _PATH.match(name)} | set(_PLAIN_PATH.findall(page.prose))
    return sorted(path for path in paths if not any(ROOT.glob(path.rstrip("/"))) and not is_made(path))


def find_silent_pictures(page: Page) -> list[str]:
    """Return the pictures whose alternative text is no more than a word."""
    return [link.target for link in page.links if link.is_image and len(link.text.split()) < 2]


def is_made(path: str) -> bool:
    """Tell whether a path is one that commands make, and git leaves out."""
    return path.startswith(("portal/static/vendor", "devkit/node_modules", "portal/node_modules"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_link_and_anchor_leads_somewhere(page: Page) -> None:
    assert find_broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_path_in_backticks_is_there(page: Page) -> None:
    assert find_missing_paths(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_picture_says_what_it_shows(page: Page) -> None:
    assert find_silent_pictures(page) == []


def test_every_host_that_may_be_linked_to_is() -> None:
    linked = {urlsplit(link.target).hostname for page in PAGES for link in page.links}
    assert linked >= HOSTS


def test_every_picture_is_shown_somewhere() -> None:
    shown = {
        str(((ROOT / page.path).parent / link.target).resolve())
        for page in PAGES
        for link in page.links
        if link.is_image
    }
    assert [path.name for path in (ROOT / "docs" / "images").iterdir() if str(path) not in shown] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        page = BY_PATH.get(waiting.pop())
        if page is None or page.path in reached:
            continue
        reached.add(page.path)
        for link in page.links:
            target = urlsplit(link.target)
            if not target.scheme and target.path:
                file = ((ROOT / page.path).parent / target.path).resolve()
                file = file / "README.md" if file.is_dir() else file
                if file.is_relative_to(ROOT):
                    waiting.append(str(file.relative_to(ROOT)))
    assert {path for path in BY_PATH if path not in reached} == set()


def test_the_index_of_decisions_lists_them_all() -> None:
    listed = re.findall(
        r"^\| (\d+) \| \[(.+)\]\((\d{4}-[\w-]+\.md)\) \|$", BY_PATH["docs/decisions/README.md"].text, re.M
    )
    there = []
    for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        number, _, title = (
            path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(" · ")
        )
        there.append((number, title, path.name))
    assert listed == there


@pytest.mark.parametrize(
    "link",
    [
        "[a](nothing.md)",
        "[a](README.md#no-such-heading)",
        "[a](#no-such-heading)",
        "[a](../../outside.md)",
        "[a](https://example.com/page)",
        "[a](http://learn.microsoft.com/azure)",
        "[a](https://name@learn.microsoft.com/azure)",
        "![a picture](docs/images/none.svg)",
        "[![a picture](docs/images/none.svg)](README.md)",
    ],
)
def test_a_broken_link_is_noticed(link: str) -> None:
    assert find_broken_links(Page("README.md", f"# Here\n\n{link}\n")) != []


@pytest.mark.parametrize(
    "link",
    ["[a](docs/runs.md#dry-run)", "[a](#here)", "[a](docs/)", "`[a](nothing.md)`", "```\n[a](x.md)\n```"],
)
def test_a_good_link_is_none(link: str) -> None:
    assert find_broken_links(Page("README.md", f"# Here\n\n{link}\n")) == []


@pytest.mark.parametrize("alternative", ["", "picture"])
def test_a_picture_without_words_is_noticed(alternative: str) -> None:
    assert find_silent_pictures(Page("README.md", f"![{alternative}](docs/images/home-light.png)")) != []


@pytest.mark.parametrize("path", ["shared/nothing.py", "tests/unit/no_such_*.py", "infra/none/"])
def test_a_path_that_is_not_there_is_noticed(path: str) -> None:
    assert find_missing_paths(Page("README.md", f"See `{path}`.")) == [path]
    assert find_missing_paths(
        Page("README.md", "See docs/none.md, `docs/runs.md` and `tests/unit/test_*.py`.")
    ) == ["docs/none.md"]


def test_anchors_are_those_of_github() -> None:
    page = Page("README.md", "# A `b` & *c*: d-e\n\n## Same\n\n## Same\n\n```\n# none\n```\n")
    assert page.anchors == {"a-b--c-d-e", "same", "same-1"}
    assert make_anchor("See [this](x.md)!") == "see-this"
