"""Language, theme and time zone: what the browser asks for, until the reader chooses otherwise."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LOCALES, Language, SignIn
from tests.system.driver import Json, Segpilot, make_people

SAVE = {"en": "Save", "es": "Guardar", "ro": "Salvare"}
HOME = {"en": "Home", "es": "Inicio", "ro": "Pornire"}

_AS_WRITTEN = """([locale, number, moment]) => [
  new Intl.NumberFormat(locale).format(number),
  new Intl.DateTimeFormat(locale, {dateStyle: "medium", timeZone: "Europe/Bucharest"}).format(new Date(moment)),
]"""


def background(page: Page) -> str:
    return str(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("language", ["en", "es", "ro"])
def test_the_language_is_that_of_the_browser(sign_in: SignIn, language: Language) -> None:
    page = sign_in("viewer", language)

    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.get_by_role("link", name=HOME[language], exact=True)).to_be_visible()


def test_a_language_that_was_chosen_stays(sign_in: SignIn) -> None:
    page = sign_in("viewer", "es")
    page.goto("/portal/preferences?back=/portal/runs")
    page.get_by_role("button", name="Română").click()

    expect(page.locator("html")).to_have_attribute("lang", "ro")
    expect(page).to_have_url(re.compile("/portal/preferences"))
    page.get_by_role("link", name=HOME["ro"], exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "ro")
    expect(page.get_by_role("button", name="Română")).to_have_attribute("aria-current", "true")


def test_the_theme_is_that_of_the_device_until_one_is_chosen(sign_in: SignIn) -> None:
    page = sign_in("viewer", theme="light")
    light = background(page)
    page.emulate_media(color_scheme="dark")
    dark = background(page)
    page.emulate_media(color_scheme="light")
    page.goto("/portal/preferences")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").click()
    page.goto("/portal/preferences")

    assert dark != light
    assert background(page) == dark
    expect(page.get_by_label("Dark")).to_be_checked()


def test_the_time_zone_is_that_of_the_browser_until_one_is_chosen(sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.goto("/portal/preferences")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Bucharest")

    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    page.goto("/portal/preferences")

    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")


@pytest.mark.parametrize("language", ["en", "es", "ro"])
def test_preferences_are_saved_without_javascript(sign_in: SignIn, language: Language) -> None:
    page = sign_in("viewer", "en", javascript=False)
    page.goto("/portal/preferences")
    page.get_by_role("combobox", name="Language").select_option(language)
    page.get_by_role("button", name=SAVE["en"]).click()
    page.goto("/portal/preferences")

    expect(page.get_by_role("button", name=SAVE[language], exact=True)).to_be_visible()


@pytest.mark.parametrize("language", ["en", "es", "ro"])
def test_numbers_and_dates_are_written_as_the_browser_writes_them(
    sign_in: SignIn, app: Segpilot, tag: str, language: Language
) -> None:
    app.upload(f"{tag}/people.csv", make_people(range(12_345), tag).data)
    segment = app.wait_until(lambda: with_rows(app.find_segment(tag)), "the segment's rows")
    page = sign_in("viewer", language)
    page.goto(f"/portal/segments/{tag}")

    number, day = page.evaluate(_AS_WRITTEN, [LOCALES[language], segment["rows"], segment["arrived_at"]])
    facts = page.locator("main .facts").first
    expect(facts).to_contain_text(number)
    expect(facts).to_contain_text(day)


def with_rows(segment: Json | None) -> Json | None:
    return segment if segment and segment["rows"] is not None else None
