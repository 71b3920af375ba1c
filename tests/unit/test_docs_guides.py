"""docs/migrating*.md: the same guide in each language, with the labels of the portal in that language.

`tests/e2e/test_migrating.py` walks through it.
"""

import re
from pathlib import Path

import pytest

from devkit.catalogues.files import areas, forms, read_area
from portal.languages import LANGUAGES

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = {"en": "migrating.md", "es": "migrating.es.md", "ro": "migrating.ro.md"}
TRANSLATED = [code for code in GUIDES if code != "en"]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def read(code: str) -> str:
    return (DOCS / GUIDES[code]).read_text(encoding="utf-8")


def structure(text: str) -> list[str]:
    """Return what a page is made of, without its words: headings, steps, rows, blocks, and links with their targets."""
    kept: list[str] = []
    blocks = FENCE.findall(text)
    for line in FENCE.sub("<block>", text).splitlines():
        if line == "<block>":
            kept.append(blocks.pop(0))
        elif heading := re.match(r"#+ (\d+\.)?", line):
            kept.append(heading[0])
        elif step := re.match(r"(\d+\.|-) ", line):
            kept.append(step[1])
        elif line.startswith("|"):
            kept.append(f"row of {line.count('|') - 1}")
        kept += re.findall(r"\]\(([^)]+)\)", line)
        kept += re.findall(r"`[^`]+`", line)
    return kept


def bold(text: str) -> list[str]:
    """Return what is set in bold, in the order of the page."""
    return re.findall(r"\*\*([^*\n]+)\*\*", FENCE.sub("", text))


def labels(code: str) -> set[str]:
    """Return everything that the portal says in a language; in English that is what its catalogues translate."""
    catalogue = "es" if code == "en" else code
    entries = [entry for area in areas(catalogue) for entry in read_area(catalogue, area) if entry.id]
    return {form for entry in entries for form in forms(entry.id if code == "en" else entry.string)}


def translations(code: str) -> dict[str, set[str]]:
    """Return what each English label is in another language, whatever it stands for."""
    found: dict[str, set[str]] = {}
    for area in areas(code):
        for entry in read_area(code, area):
            for said, meant in zip(forms(entry.string), forms(entry.id), strict=False):
                found.setdefault(meant, set()).add(said)
    return found


def test_there_is_a_guide_for_each_language_of_the_portal():
    assert set(GUIDES) == set(LANGUAGES)


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_guide_has_the_same_steps_tables_links_and_blocks_in_each_language(code):
    assert structure(read(code)) == structure(read("en"))


@pytest.mark.parametrize("code", GUIDES)
def test_what_is_bold_is_a_label_of_the_portal_in_this_language(code):
    assert set(bold(read(code))) - labels(code) == set()


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_labels_come_in_the_same_order_in_each_language(code):
    said = translations(code)
    pairs = zip(bold(read("en")), bold(read(code)), strict=True)
    assert [(meant, word) for meant, word in pairs if word not in said[meant]] == []


@pytest.mark.parametrize(
    ("there", "changed"),
    [
        ("## 2. Read\n", "### 2. Read\n"),
        ("1. One\n2. Two\n", "1. One\n"),
        ("[a](x.md)\n", "[a](y.md)\n"),
        ("```\na\n```\n", "```\nb\n```\n"),
        ("| a | b |\n", "| a |\n"),
    ],
)
def test_another_structure_is_noticed(there, changed):
    assert structure(there) == structure(there.replace("Read", "Citiți").replace("One", "Uno"))
    assert structure(there) != structure(changed)


def test_a_label_that_the_portal_does_not_have_is_noticed():
    assert set(bold("Select **Add conection**.")) - labels("en") == {"Add conection"}
    assert "Añadir conexión" in labels("es") - labels("en")
