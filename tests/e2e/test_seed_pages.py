"""The two how-to pages of Customer Insights, step by step, in the words of each language.

Microsoft Learn, Dynamics 365 Customer Insights, "Export segments to Autopilot": "Set up connection to Autopilot" and
"Configure an export". Every control is found by its role and by what it is called there.
"""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Language, SignIn
from tests.system.driver import Json, Segpilot


@dataclass(frozen=True)
class Words:
    """What the pages call things."""

    # Set up a connection
    connections: str
    add_connection: str
    display_name: str
    contributors: str
    key: str
    agree: str
    connect: str
    connected: str
    export_user: str
    save: str
    # Configure an export
    exports: str
    add_export: str
    connection: str
    name: str
    matching: str
    email: str
    first_name: str
    last_name: str
    # Ours
    column: str
    run: str
    successful: str


WORDS: dict[Language, Words] = {
    "en": Words(
        connections="Connections",
        add_connection="Add connection",
        display_name="Display name",
        contributors="Administrators and contributors",
        key="Autopilot API key",
        agree="I agree",
        connect="Connect",
        connected="It works.",
        export_user="Add yourself as export user",
        save="Save",
        exports="Exports",
        add_export="Add export",
        connection="Connection for export",
        name="Name",
        matching="Data matching",
        email="Email",
        first_name="First name",
        last_name="Last name",
        column="Column",
        run="Run now",
        successful="Successful",
    ),
    "es": Words(
        connections="Conexiones",
        add_connection="Añadir conexión",
        display_name="Nombre para mostrar",
        contributors="Administradores y colaboradores",
        key="Clave API de Autopilot",
        agree="Acepto",
        connect="Conectar",
        connected="Funciona.",
        export_user="Agregarse como usuario de exportación",
        save="Guardar",
        exports="Exportaciones",
        add_export="Agregar exportación",
        connection="Conexión para exportación",
        name="Nombre",
        matching="Coincidencia de datos",
        email="Correo electrónico",
        first_name="Nombre de pila",
        last_name="Apellido",
        column="Columna",
        run="Ejecutar ahora",
        successful="Correcta",
    ),
    "ro": Words(
        connections="Conexiuni",
        add_connection="Adăugați conexiune",
        display_name="Nume afișat",
        contributors="Administratori și contribuitori",
        key="Cheie API Autopilot",
        agree="Sunt de acord",
        connect="Conectați",
        connected="Funcționează.",
        export_user="Adăugați-vă ca utilizator de export",
        save="Salvare",
        exports="Exporturi",
        add_export="Adăugați export",
        connection="Conexiune pentru export",
        name="Nume",
        matching="Potrivirea datelor",
        email="E-mail",
        first_name="Prenume",
        last_name="Nume de familie",
        column="Coloană",
        run="Rulați acum",
        successful="Reușită",
    ),
}
# Nothing can be guessed from these names.
FILE = "Contact,Second,Third\r\nana@{tag}.example,Ana,Ionescu\r\niñigo@{tag}.example,Íñigo,Muñoz\r\n"


@pytest.mark.parametrize("language", WORDS)
def test_set_up_a_connection(sign_in: SignIn, app: Segpilot, tag: str, language: Language) -> None:
    said = WORDS[language]
    page = sign_in("administrator", language)

    page.get_by_role("navigation").get_by_role("link", name=said.connections).click()
    page.get_by_role("link", name=said.add_connection).first.click()
    page.get_by_role("radio", name="Autopilot").check()
    page.get_by_role("textbox", name=said.display_name).fill(f"Autopilot {tag}")
    page.get_by_role("radio", name=said.contributors).check()
    page.get_by_label(said.key).fill(app.stack.autopilot_key)
    page.get_by_role("checkbox", name=said.agree).check()
    page.get_by_role("button", name=said.connect, exact=True).click()
    expect(page.get_by_text(said.connected)).to_be_visible()
    page.get_by_role("checkbox", name=said.export_user).check()
    page.get_by_role("button", name=said.save, exact=True).click()

    expect(page.get_by_role("heading", level=1, name=f"Autopilot {tag}")).to_be_visible()
    made = app.get(f"connections/{id_in(page)}")
    assert (made["display_name"], made["status"], made["shared_with"]) == (
        f"Autopilot {tag}",
        "Connected",
        "contributors",
    )
    assert made["export_user"]["name"] == made["consent"]["given_by"] == "administrator@segpilot.example"
    assert made["consent"]["language"] == language
    assert app.stack.autopilot_key not in page.content()
    app.call("DELETE", f"api/connections/{made['id']}")


@pytest.mark.parametrize(
    ("language", "javascript"),
    [("en", True), ("es", True), ("ro", True), ("en", False)],
    ids=["en", "es", "ro", "without JavaScript"],
)
def test_configure_an_export(
    sign_in: SignIn, app: Segpilot, tag: str, language: Language, javascript: bool
) -> None:
    said = WORDS[language]
    app.add_connection(display_name=f"Autopilot {tag}", shared_with="contributors")
    app.upload(f"{tag}/people.csv", FILE.format(tag=tag).encode())
    app.wait_until(lambda: with_columns(app.find_segment(tag)), "the segment")
    page = sign_in("contributor", language, javascript=javascript)

    page.get_by_role("navigation").get_by_role("link", name=said.exports).click()
    page.get_by_role("link", name=said.add_export).first.click()
    page.get_by_role("combobox", name=said.connection).select_option(f"Autopilot {tag}")
    page.get_by_role("textbox", name=said.name, exact=True).fill(f"Export {tag}")
    choose_segment(page, tag, javascript)
    matching = page.get_by_role("region", name=said.matching)
    matching.get_by_role("combobox", name=said.email, exact=True).select_option("Contact")
    for field, column in ((said.first_name, "Second"), (said.last_name, "Third")):
        group = matching.get_by_role("group", name=field, exact=True)
        group.get_by_role("combobox", name=said.column, exact=True).select_option(column)
    page.get_by_role("button", name=said.save, exact=True).click()

    expect(page.get_by_role("heading", level=1, name=f"Export {tag}")).to_be_visible()
    export = app.get(f"exports/{id_in(page)}")
    assert {each["field"]: each["column"] for each in export["fields"]} == {
        "FirstName": "Second",
        "LastName": "Third",
    }
    assert app.runs(export["id"]) == []
    page.get_by_role("button", name=said.run).click()
    run = app.wait_for_run(export["id"])
    page.goto(f"/portal/runs/{run['id']}")
    expect(page.locator("main .status").first).to_have_text(said.successful)
    people = {each["Email"]: each for each in app.simulator.contacts(tag, app.stack.autopilot_key)}
    assert {(each["FirstName"], each["LastName"]) for each in people.values()} == {
        ("Ana", "Ionescu"),
        ("Íñigo", "Muñoz"),
    }
    app.call("DELETE", f"api/exports/{export['id']}")


def choose_segment(page: Page, name: str, javascript: bool) -> None:
    page.get_by_role("checkbox", name=name).check()
    if not javascript:
        page.get_by_role("button", name="Show columns").click()


def id_in(page: Page) -> str:
    """Return the id of the thing whose page it is."""
    return page.url.partition("?")[0].rpartition("/")[2]


def with_columns(segment: Json | None) -> Json | None:
    return segment if segment and segment["columns"] else None
