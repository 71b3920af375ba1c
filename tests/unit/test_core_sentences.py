"""What the core says, in every language of the portal."""

from functools import cache
from string import Formatter

import pytest
from babel import Locale
from babel.numbers import format_decimal

from devkit.catalogues.core import Message, core_messages, messages_in
from devkit.catalogues.files import CORE, forms, read_area
from devkit.catalogues.words import reasons, words
from portal.languages import LANGUAGES, language
from portal.reader import Reader, reading
from portal.words import explain_reason

CORE_MESSAGES = core_messages()
TRANSLATED = [code for code in LANGUAGES if code != "en"]
PHRASED = {message.context for message in CORE_MESSAGES}
OTHER_CONTEXTS = ("word", "reject", "reject meaning")
LEFT_OUT = {"Choose one of {columns}; put '-' before it to turn the order round."}
"""What speaks of something else in the portal, and needs no value for it."""

HOSTILE = [
    "O'Brien",
    "a. B. The run c.",
    "{x} {0:n} {{ %s %(y)s",
    "line\nbreak\r\n\ttab",
    "שלום 12 عالم",
    "\u202egnp.exe",
    "<img src=x onerror=alert(1)>",
    "'quoted' \"twice\" «three»",
    "x" * 10_000,
    "The 'y" * 1_700,
]


@cache
def entries(code):
    return {
        Message(entry.context or "", forms(entry.id)[0]): entry for entry in read_area(code, CORE) if entry.id
    }


def placeholders(text):
    return {(key, spec) for _, key, spec, _ in Formatter().parse(text) if key}


def fill(text, values):
    return "".join(
        literal + (values[key, spec] if key else "") for literal, key, spec, _ in Formatter().parse(text)
    )


def filled(message, entry, value, code):
    """The message with the value at every placeholder, and its translation with the same."""
    blanks = placeholders(message.text)
    number = format_decimal(1234, locale=Locale.parse(code))
    value = {blank: "12" if blank[0] in PHRASED else value for blank in blanks}
    english = {blank: "1,234" if blank[1] == "n" else value[blank] for blank in blanks}
    said = {blank: number if blank[1] == "n" else value[blank] for blank in blanks}
    counts = any(spec == "n" for _, spec in blanks)
    return fill(message.text, english), fill(forms(entry.string)[-1 if counts else 0], said)


def say(text, code):
    return language(code).say(text)


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_of_the_core_has_a_translation_and_no_other(code):
    known = {message for message in entries(code) if message.context not in OTHER_CONTEXTS}
    assert [message for message in CORE_MESSAGES if message not in known] == []
    assert [message for message in known if message not in CORE_MESSAGES] == []


def test_what_is_worded_otherwise_in_english_is_said_by_the_core():
    known = [message for message in entries("en") if message.context not in OTHER_CONTEXTS]
    assert known
    assert [message for message in known if message not in CORE_MESSAGES] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_translation_is_empty_or_doubtful(code):
    count = read_area(code, CORE).num_plurals
    for message, entry in entries(code).items():
        assert not entry.fuzzy, message
        assert all(forms(entry.string)), message
        assert len(forms(entry.string)) == (count if isinstance(entry.id, tuple) else 1), message


@pytest.mark.parametrize("code", LANGUAGES)
def test_translations_have_the_placeholders_of_their_sentence(code):
    for message, entry in entries(code).items():
        *few, most = forms(entry.string)
        wanted = placeholders(message.text)
        if message.text not in LEFT_OUT:
            assert placeholders(most) == wanted, message
        for form in few:
            assert wanted >= placeholders(form), message


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:12].encode("unicode_escape").decode())
@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_recognised_whatever_stands_in_it(code, value):
    for message, entry in entries(code).items():
        if not message.context:
            english, said = filled(message, entry, value, code)
            assert say(english, code) == said, message


@pytest.mark.parametrize("code", LANGUAGES)
def test_phrases_are_said_within_their_sentences(code):
    sentences = [message for message in CORE_MESSAGES if not message.context]
    phrases = [message for message in entries(code) if message.context not in ("", *OTHER_CONTEXTS)]
    assert phrases
    for phrase in phrases:
        english, said = filled(phrase, entries(code)[phrase], "O'Brien", code)
        parents = [each.text for each in sentences if (phrase.context, "") in placeholders(each.text)]
        values = [
            dict.fromkeys(placeholders(each), "12") | {(phrase.context, ""): english} for each in parents
        ]
        texts = [fill(parent, each) for parent, each in zip(parents, values, strict=True)]
        assert any(said in say(text, code) for text in texts), phrase


def test_the_extractor_finds_what_is_said_and_nothing_else():
    source = '''
"""A docstring. It says nothing."""
LIMIT = 10
TEXT = "The file '{}' is late."
def check(self, thing, count):
    """Nor does this one."""
    whom = f" for '{thing.owner}'" if thing.owner else ""
    if count:
        raise Invalid(f"There are {count:,} of {thing.name}{whom}: {', '.join(thing.all)}.", remedy="Take " "one." if count > 1 else "Take it.")
    logging.info("The log hears this.")
    raise Conflict(TEXT.format(thing.file) , remedy=self.remedy or "lower case")
class Late(SegpilotError):
    code, status, title = "late", 409, "It is late"
'''
    assert [message.text for message in messages_in("shared/late.py", source)] == [
        "There are {count:n} of {name} for '{owner}': {all}.",
        "There are {count:n} of {name}: {all}.",
        "Take one.",
        "Take it.",
        "The file '{file}' is late.",
        "It is late",
    ]


def test_what_nobody_knows_stays_as_it_is():
    for text in ("", " ", "Something else entirely.", "12", "{}", "The run has"):
        assert say(text, "es") == text


def test_names_stay_and_numbers_follow_the_language():
    text = "The segment '1,000 best' has 1,234,567 profiles; a run may have at most 100,000."
    assert say(text, "es") == (
        "El segmento «1,000 best» tiene 1.234.567 perfiles; una ejecución admite como máximo 100.000."
    )
    assert say(text, "en") == text


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 listă"), (2, "2 liste"), (19, "19 liste"), (20, "20 de liste"), (101, "101 liste")],
)
def test_romanian_has_three_forms_of_the_plural(count, said):
    assert said in say(f"The key is valid; {count} lists were found.", "ro")


def test_several_sentences_are_said_one_by_one():
    text = (
        "The new key was not stored, since it does not work. Autopilot refused the API key: Not our words "
        "Check the key under Settings > Autopilot API in Autopilot and give the connection a valid one."
    )
    assert say(text, "es") == (
        "La clave nueva no se ha guardado porque no funciona. Autopilot ha rechazado la clave de API: Not our words "
        "Compruebe la clave en Autopilot, en Settings > Autopilot API, e indique una válida en la conexión."
    )


def test_a_part_that_is_not_known_does_not_keep_the_rest_from_being_said():
    assert say("Something else. Try again later.", "ro") == "Something else. Încercați din nou mai târziu."


def test_sentences_within_sentences_are_said_too():
    reason = "12 people would be taken off their lists; the limit is 10."
    assert say(f"A real run would wait for approval: {reason}", "es") == (
        "Una ejecución real esperaría una aprobación: Se quitarían 12 personas de sus listas; el límite es 10."
    )


def test_names_that_are_words_or_sentences_of_ours_stay_names():
    assert say("The export 'viewer' is running.", "es") == "La exportación «viewer» se está ejecutando."
    assert say("'Try again later.' is the only segment of the export 'rows'.", "ro") == (
        "„Try again later.” este singurul segment al exportului „rows”."
    )


def test_the_portal_speaks_english_of_what_people_do_in_it():
    assert say("Choose one of GET /api/secrets.", "en") == "Choose one of those that are offered."
    for message, entry in entries("en").items():
        for form in forms(entry.string):
            assert not any(word in form for word in ("GET /", "POST /", "PUT /", "ETag", "If-Match")), message


@pytest.mark.parametrize("number", ["9" * 5_000, "1e+9999999", "1e+99", "0." + "1" * 5_000])
def test_numbers_that_the_core_never_says_stay_as_they_are(number):
    """Anybody may put a sentence of ours into an address or a name."""
    for code in LANGUAGES:
        assert number in say(f"A file has at most {number} blocks.", code)


@pytest.mark.timeout(60)
def test_no_text_takes_long():
    """Each of them would take for ever if every way of reading it were tried."""
    for text in (
        "A real run would wait for approval: " * 280,
        "Try again later. " * 600,
        "The file 'x' cannot be used. " * 350,
        "The export '" + "' carries the segment '" * 400,
        ". 'x'" * 2_000,
    ):
        for code in LANGUAGES:
            assert say(text, code)


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_word_has_a_translation_and_no_other(code):
    known = {message.text for message in entries(code) if message.context == "word"}
    assert known == set(words())


def test_codes_have_words_in_english_too():
    assert {message.text for message in entries("en") if message.context == "word"} <= set(words())
    assert language("en").catalogue.pgettext("word", "mdy") == "month/day/year"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_reason_of_rejects_is_explained(code):
    for context in ("reject", "reject meaning"):
        assert {message.text for message in entries(code) if message.context == context} == set(reasons())
    with reading(Reader(language(code), None, None)):
        assert explain_reason("email_blank").title != "email_blank"
        assert explain_reason("email_blank").meaning.endswith(".")
        assert explain_reason("a_new_one") == ("a_new_one", "")
