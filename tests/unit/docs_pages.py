"""The documentation as its tests read it: pages, links, anchors, blocks and what stands in backticks."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "devkit" / "autopilot" / "README.md",
    ]
)

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


@dataclass(frozen=True)
class Link:
    """A link or, with `is_image`, a picture and its alternative text."""

    text: str
    target: str
    is_image: bool


@dataclass(frozen=True)
class Block:
    """A fenced block without its indentation; `language` is empty when none is said."""

    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """One page: its path in the repository and its Markdown."""

    path: str
    text: str

    @cached_property
    def prose(self) -> str:
        """The page without its blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        found = []
        for each in _FENCE.finditer(self.text):
            indent = each["indent"]
            lines = (line.removeprefix(indent) for line in each["text"].splitlines(keepends=True))
            found.append(Block(each["language"], "".join(lines)))
        return found

    @cached_property
    def links(self) -> list[Link]:
        found = []
        for text in (_SPAN.sub("`", self.prose),):
            # A picture may itself be the text of a link, so look within texts, too.
            for each in _LINK.finditer(text):
                found.append(Link(each["text"], each["target"], each["image"] == "!"))
                found += [
                    Link(inner["text"], inner["target"], True)
                    for inner in _LINK.finditer(each["text"])
                    if inner["image"]
                ]
        return found

    @cached_property
    def spans(self) -> list[str]:
        """What stands in backticks outside of blocks, on one line each."""
        return [" ".join(each[2].split()) for each in _SPAN.finditer(self.prose)]

    @cached_property
    def anchors(self) -> set[str]:
        """What links may name: headings, as GitHub makes anchors of them."""
        seen: Counter[str] = Counter()
        found = set()
        for heading in _HEADING.findall(self.prose):
            slug = make_anchor(heading)
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', self.prose))


def make_anchor(heading: str) -> str:
    """Return the anchor of a heading: lower case, no punctuation but hyphens and underscores, hyphens for spaces."""
    plain = _LINK.sub(lambda link: link["text"], heading)
    plain = re.sub(r"[*`]", "", plain)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def read_pages() -> list[Page]:
    return [
        Page(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in FILES if path.exists()
    ]


PAGES = read_pages()


def commands_of(page: Page) -> Iterator[str]:
    """Give each command of a page: of blocks for a shell line by line, joined where a backslash ends one, and of spans."""
    for block in page.blocks:
        if is_shell(block):
            for line in block.text.replace("\\\n", " ").splitlines():
                yield line.strip()
    yield from page.spans


_PROGRAMS = re.compile(
    r"^(?:[A-Z_]+=\S* )*(?:make|curl|az|azd|func|npm|npx|pip|python3?|git|export|cd|\.venv/bin/\w+|source|docker)\b"
)


def is_shell(block: Block) -> bool:
    """Tell whether a block is for a shell: it says so, or says nothing and begins with a program that is known."""
    return block.language in ("sh", "bash", "shell") or (
        not block.language and bool(_PROGRAMS.match(block.text))
    )
