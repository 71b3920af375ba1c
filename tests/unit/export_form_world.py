"""A small world for the form of exports: connections, segments with files, and somebody in front of the form."""

from typing import Any

from shared.domain.access import Role
from shared.domain.connection import Connection, Consent, Sharing
from shared.domain.export import Export
from shared.domain.segment import Segment, Snapshot
from shared.usecases.exports.forms import NewExport
from tests.fakes_stores import START
from tests.unit.portal_client import PEOPLE, Browser, Page, make_app

SHARED, PRIVATE = "connection-shared", "connection-private"
VIP = (
    "EMail,FirstName,LastName,Shoe size,Birthday,Newsletter\n"
    "ana@example.com,Ana,Pop,42,04/08/1966,yes\n"
    "nobody,No,One,41,,yes\n"
    "bo@example.com,Bo,,x,?,no\n"
)
HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202e"


class FormWorld:
    """``app`` is that of `make_app`, with a connection for everybody and one for administrators, and a segment *vip*."""

    def __init__(self, **settings: str) -> None:
        self.app: Any = make_app(**settings)
        self.app.vault.secrets["key"] = self.app.destinations["autopilot"].key
        self.connect(SHARED, "Ours", Sharing.CONTRIBUTORS)
        self.connect(PRIVATE, "Secret", Sharing.ADMINISTRATORS)
        self.arrive("vip", VIP, profiles=1_234)

    def connect(self, connection_id: str, name: str, shared_with: Sharing, **more: object) -> None:
        connection = Connection(
            id=connection_id,
            destination="autopilot",
            display_name=name,
            shared_with=shared_with,
            secret_name="key",
            secret_owned=True,
            consent=Consent(given_by="Ada", given_at=START, version="1", language="en", text="I agree"),
            created_at=START,
            updated_at=START,
            **more,
        )
        self.app.stores.connections.add(connection_id, connection)

    def arrive(self, name: str, content: str, **more: object) -> None:
        file = self.app.segment_blobs.put(f"{name}/a.csv", content)
        snapshot = Snapshot(id=f"s{file.etag}", segment=name, arrived_at=START, files=(file,))
        columns = tuple(content.partition("\n")[0].split(","))
        segment = Segment(name=name, source=f"{name}/", snapshot=snapshot, **{"columns": columns, **more})
        self.app.stores.segments.remove(name)
        self.app.stores.segments.add(name, segment)

    def browser(self, role: Role = Role.CONTRIBUTOR, language: str = "en") -> Browser:
        return Browser(self.app, role, language)

    def add(self, **wanted: object) -> Export:
        """Store an export of *vip* over the shared connection, with some things changed."""
        values = {
            "name": "Weekly",
            "connection_id": SHARED,
            "email_column": "EMail",
            "segments": ["vip"],
            **wanted,
        }
        new = NewExport.model_validate(values)
        return self.stored(self.app.exports.add(new, PEOPLE[Role.ADMINISTRATOR]).id)

    def stored(self, export_id: str) -> Export:
        return self.app.stores.exports.get(export_id).record

    def exports(self) -> list[Export]:
        return list(self.app.stores.exports.all())


class FormPage:
    """Somebody fills in the form, without JavaScript: each button sends the whole form and shows what comes back."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address.partition("?")[0]
        self.page: Page = browser.get(address)

    def press(self, do: str, **typed: object) -> Page:
        """Type something and press a button. None leaves a field out, as an empty tick box is."""
        self.page = self.browser.submit(self.page, self.address, do=do, **typed)
        return self.page

    def value(self, name: str) -> str:
        """What a field of the form would send."""
        return (self.page.form().get(name) or [""])[-1]

    def number_of(self, segment: str) -> int:
        """The number of a segment's row."""
        found = self.page.soup.find("input", attrs={"type": "hidden", "value": segment})
        assert found, f"no row of {segment!r}"
        return int(str(found["name"]).split("-")[1])

    def tick(self, *segments: str) -> Page:
        """Tick segments and let the page show what follows."""
        ticked = {f"segment-{self.number_of(each)}-on": "yes" for each in segments}
        return self.press("update", **ticked)

    def errors(self) -> dict[str, str]:
        """The summary on top: messages by the field that they lead to."""
        links = self.page.soup.select("#errors li")
        return {(each.a["href"][1:] if each.a else ""): each.get_text(" ", strip=True) for each in links}

    def fields(self) -> dict[str, str]:
        """The column of each field of the mapping."""
        form = self.page.form()
        numbers = sorted({int(name.split("-")[1]) for name in form if name.startswith("field-")})
        return {form[f"field-{each}-field"][0]: form[f"field-{each}-column"][0] for each in numbers}
