"""The portal's catalogues: complete, and in step with its pages."""

import re
import shutil
from collections import defaultdict
from string import Formatter

import pytest

from devkit.catalogues.__main__ import update
from devkit.catalogues.files import CORE, LOCALES, areas, forms, read_area
from devkit.catalogues.pages import area_of, page_messages
from portal.languages import LANGUAGES

TRANSLATED = [code for code in LANGUAGES if code != "en"]
PAGES = page_messages()
PLACEHOLDER = re.compile(r"%\((\w+)\)\w|%%")

THE_SAME = {
    "Segpilot",
    "Autopilot",
    "Key Vault",
}
"""Names, and words that are the same in another language."""
THE_SAME_IN = {
    "es": {"No", "JSON", "Host"},
    "ro": {
        "administrator",
        "text",
        "Text",
        "Export",
        "Folder",
        "Format",
        "Segment",
        "Segmente",
        "JSON",
        "Secret",
        "Id",
    },
}


def page_entries(code):
    """The entries of all areas but the core's, with their area."""
    return [
        (area, entry) for area in areas(code) if area != CORE for entry in read_area(code, area) if entry.id
    ]


def all_entries(code):
    return [(area, entry) for area in areas(code) for entry in read_area(code, area) if entry.id]


def key_of(entry):
    return entry.context or "", forms(entry.id)


@pytest.mark.parametrize("code", TRANSLATED)
def test_everything_that_pages_say_is_in_a_catalogue(code):
    known = {key_of(entry) for _, entry in page_entries(code)}
    names = [area for area in areas(code) if area != CORE]
    missing = [
        f"{area_of(files[0], names)}: {message.id[0]!r}"
        for message, files in PAGES.items()
        if tuple(message) not in known
    ]
    assert missing == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_catalogues_hold_nothing_that_no_page_says(code):
    said = {tuple(message) for message in PAGES}
    gone = [
        f"{area}: {forms(entry.id)[0]!r}" for area, entry in page_entries(code) if key_of(entry) not in said
    ]
    assert gone == []
    assert [area for area in areas(code) if read_area(code, area).obsolete] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_entry_is_translated_in_all_its_forms(code):
    wanted = {"es": 2, "ro": 3}[code]
    wrong = []
    for area, entry in all_entries(code):
        said = forms(entry.string)
        count = wanted if isinstance(entry.id, tuple | list) else 1
        if entry.fuzzy or not all(map(str.strip, said)) or len(said) != count:
            wrong.append(f"{area}: {forms(entry.id)[0]!r}")
    assert wrong == []
    assert {read_area(code, area).num_plurals for area in areas(code)} == {wanted}


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_have_the_placeholders_of_their_message(code):
    wrong = []
    for area, entry in page_entries(code):
        *few, most = forms(entry.string)
        wanted = set(PLACEHOLDER.findall(forms(entry.id)[-1]))
        if set(PLACEHOLDER.findall(most)) != wanted or any(
            set(PLACEHOLDER.findall(each)) - wanted for each in few
        ):
            wrong.append(f"{area}: {forms(entry.id)[0]!r}")
    assert wrong == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_message_is_said_alike_everywhere(code):
    said = defaultdict(set)
    for _, entry in page_entries(code):
        said[key_of(entry)].add(forms(entry.string))
    assert {key: texts for key, texts in said.items() if len(texts) > 1} == {}


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_are_not_the_english_words(code):
    wrong = []
    for area, entry in all_entries(code):
        english, said = forms(entry.id)[-1], forms(entry.string)[-1]
        is_text = re.search(
            r"[A-Za-z]{2}",
            PLACEHOLDER.sub(
                "", "".join(text for text, *_ in Formatter().parse(english)) if area == CORE else english
            ),
        )
        if said == english and is_text and english not in THE_SAME | THE_SAME_IN[code]:
            wrong.append(f"{area}: {english!r}")
    assert wrong == []


def test_romanian_has_commas_below_and_no_cedillas():
    assert [
        f"{area}: {entry.string!r}"
        for area, entry in all_entries("ro")
        if re.search("[şţŞŢ]", str(entry.string))
    ] == []


def test_the_catalogues_are_brought_into_step(tmp_path, capsys):
    locales = tmp_path / "locales"
    shutil.copytree(LOCALES, locales)
    update(locales)
    path = locales / "es" / "preferences.po"
    header, *entries = path.read_text("utf-8").strip().split("\n\n")
    removed = next(entry for entry in entries if 'msgid "Dates and times are shown in it."' in entry)
    entries.remove(removed)
    gone = 'msgid "Nobody says this"\nmsgstr "Nadie lo dice"'
    path.write_text("\n\n".join([header, gone, *entries]) + "\n", "utf-8")
    capsys.readouterr()
    update(locales)
    assert capsys.readouterr().out == "es/preferences.po: Dates and times are shown in it.\n"
    renewed = path.read_text("utf-8")
    assert (
        renewed
        == "\n\n".join([header, *entries, 'msgid "Dates and times are shown in it."\nmsgstr ""']) + "\n"
    )
    update(locales)
    assert path.read_text("utf-8") == renewed
