"""Looking before anything is stored: suggested mappings, and people as the destination would get them."""

import hashlib
import io
from typing import BinaryIO

import pytest
from pydantic import ValidationError

from shared.adapters.autopilot import Autopilot
from shared.domain.errors import Forbidden, Invalid, NotFound, SegmentUnreadable
from shared.domain.export import DateOrder, FieldMapping, FieldType
from shared.domain.segment import SnapshotFile, SnapshotMode
from shared.pipeline import places
from shared.pipeline.peeking import Peeker
from shared.usecases.exports.checks import ExportChecks
from shared.usecases.exports.mappings import Mappings, MappingSuggestion
from shared.usecases.exports.previews import NewPreview, Previews, SegmentPreview
from tests.fakes_stores import MemorySegmentBlobs
from tests.unit.export_office import ADMIN, CONTRIBUTOR, PRIVATE, SHARED, VIEWER, ExportOffice

PEOPLE = "EMail,First,N\nada@example.com,Ada,7\ngrace@example.com,Grace,many\n"
FIELDS = [{"field": "FirstName", "column": "First"}, {"field": "Orders", "column": "N", "type": "integer"}]


class CountingBlobs(MemorySegmentBlobs):
    """``given_out`` counts the bytes that were read."""

    given_out = 0

    def open(self, file: SnapshotFile) -> BinaryIO:
        blobs = self

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                data = super().read(size)
                blobs.given_out += len(data)
                return data

        return Stream(super().open(file).read())


class Desk(ExportOffice):
    """An office that knows Autopilot's fields."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs = CountingBlobs()
        destinations = {"autopilot": Autopilot("http://unused", timeout_s=1)}
        checks, peeker = ExportChecks(self.stores, destinations), Peeker(self.blobs, 16)
        self.mappings = Mappings(self.stores, peeker, destinations, checks)
        self.previews = Previews(self.stores, self.state, peeker, destinations, checks, self.journal)

    def preview(self, principal=ADMIN, size: int = 10, **wanted: object) -> list[SegmentPreview]:
        export = {
            "connection_id": SHARED,
            "email_column": "EMail",
            "segments": ["vip"],
            "fields": FIELDS,
            **wanted,
        }
        return self.previews.make(
            NewPreview.model_validate({"export": export, "size": size}), principal
        ).segments

    def suggest(self, content: str, principal=ADMIN, name: str = "a.csv") -> MappingSuggestion:
        self.arrive("vip", content, name)
        return self.mappings.suggest("vip", SHARED, principal)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_people_are_shown_as_the_destination_gets_them_with_masked_addresses(desk):
    desk.arrive("vip", PEOPLE)

    [vip] = desk.preview(segments=[{"name": "vip", "list_name": "VIPs"}])

    assert (vip.name, vip.list_name, vip.file, vip.problem) == ("vip", "VIPs", "vip/a.csv", None)
    assert vip.columns == ["EMail", "First", "N"]
    assert [(one.line, one.person) for one in vip.people] == [
        (2, {"Email": "a***@example.com", "FirstName": "Ada", "custom": {"integer--Orders": 7}}),
        (3, {"Email": "g***@example.com", "FirstName": "Grace"}),
    ]
    assert vip.dropped_values == {"N": 1}
    assert vip.rejects == []


def test_rows_that_would_not_be_sent_are_shown_with_their_reasons(desk):
    desk.arrive(
        "vip",
        "EMail,First,N,Consent\n"
        "ada@example.com,Ada,1,yes\n"
        "nonsense,Bob,1,yes\n"
        ",Eve,1,yes\n"
        "ADA@example.com,Ada,1,yes\n"
        "no@example.com,No,1,no\n"
        "blank@example.com,Blank,1,\n"
        "perhaps@example.com,Perhaps,1,perhaps\n"
        "broken@example.com,Broken\n"
        "never@example.com,Never,1,yes\n"
        "last@example.com,Last,1,da\n",
    )
    hashed = hashlib.sha256(b"never@example.com").hexdigest()
    desk.state.write(places.suppression(SHARED), f"{hashed}\n".encode())

    [vip] = desk.preview(consent_column="Consent")

    assert [one.person["FirstName"] for one in vip.people] == ["Ada", "Last"]
    assert [(one.line, one.column, one.reason) for one in vip.rejects] == [
        (3, "EMail", "email_no_at_sign"),
        (4, "EMail", "email_blank"),
        (5, "EMail", "duplicate_email"),
        (6, "Consent", "no_consent"),
        (7, "Consent", "no_consent"),
        (8, "Consent", "consent_unreadable"),
        (9, None, "too_few_fields"),
        (10, "EMail", "suppressed"),
    ]


def test_only_the_beginning_of_a_file_is_read(desk):
    rows = "".join(f"p{number}@example.com,x,1\n" for number in range(100_000))
    desk.arrive("vip", "EMail,First,N\n" + rows)

    [vip] = desk.preview(size=3)

    assert [one.line for one in vip.people] == [2, 3, 4]
    assert 0 < desk.blobs.given_out < 1_500_000 < len(rows)


def test_a_segment_without_anybody_to_show_is_given_up(desk):
    desk.arrive("vip", "EMail,First,N\n" + "nobody,x,1\n" * 20_000)
    [vip] = desk.preview()
    assert vip.people == []
    assert len(vip.rejects) == 20


def test_what_is_wrong_with_one_segment_does_not_hide_the_others(desk):
    desk.arrive("vip", PEOPLE)
    desk.arrive("churn", "Mail,First,N\nx@example.com,x,1\n")
    desk.arrive("new", "")

    vip, churn, new, future = desk.preview(segments=["vip", "churn", "new", "future"])

    assert len(vip.people) == 2
    assert churn.problem == "The file 'churn/a.csv' cannot be used. There is no column 'EMail'."
    assert "Mail, First, N" in churn.remedy
    assert new.problem == "The file 'new/a.csv' cannot be used. The file is empty."
    assert future.problem == "No file has arrived yet for 'future'."
    assert future.remedy


def test_a_file_that_was_replaced_meanwhile_is_not_read(desk):
    desk.arrive("vip", PEOPLE)
    desk.blobs.put("vip/a.csv", "EMail\nother@example.com\n")
    [vip] = desk.preview()
    assert vip.people == []
    assert vip.problem
    assert "replaced" in vip.problem


def test_of_a_delta_the_newest_file_is_shown_and_repetitions_are_no_rejects(desk):
    desk.arrive("vip", PEOPLE)
    newer = desk.blobs.put("vip/b.csv", "EMail,First,N\nann@example.com,Ann,1\nann@example.com,Anna,2\n")
    desk.stores.segments.change(
        "vip",
        lambda segment: segment.model_copy(
            update={
                "snapshot": segment.snapshot.model_copy(
                    update={"files": (*segment.snapshot.files, newer), "mode": SnapshotMode.DELTA}
                )
            }
        ),
    )
    [vip] = desk.preview()
    assert vip.file == "vip/b.csv"
    assert [one.person["FirstName"] for one in vip.people] == ["Ann"]
    assert vip.rejects == []


@pytest.mark.parametrize(
    ("principal", "connection", "allowed"),
    [
        (ADMIN, SHARED, True),
        (ADMIN, PRIVATE, True),
        (CONTRIBUTOR, SHARED, True),
        (CONTRIBUTOR, PRIVATE, False),
        (VIEWER, SHARED, False),
        (VIEWER, PRIVATE, False),
    ],
)
def test_people_and_columns_are_shown_to_who_may_use_the_connection(desk, principal, connection, allowed):
    desk.arrive("vip", PEOPLE)
    if allowed:
        assert desk.preview(principal, connection_id=connection)[0].people
        assert desk.mappings.suggest("vip", connection, principal).email_column == "EMail"
        return
    with pytest.raises(Forbidden):
        desk.preview(principal, connection_id=connection)
    with pytest.raises(Forbidden):
        desk.mappings.suggest("vip", connection, principal)


def test_a_preview_is_audited_without_anything_of_anybody(desk):
    desk.arrive("vip", PEOPLE)
    desk.preview()
    with pytest.raises(Forbidden):
        desk.preview(VIEWER)
    done, refused = desk.audit()
    assert (done["action"], done["subject"], done["segments"]) == ("preview.read", SHARED, ["vip"])
    assert (refused["action"], refused["result"]) == ("preview.read", "refused")
    assert b"example.com" not in b"".join(desk.logs.blobs.values())


def test_nothing_is_stored_by_a_preview(desk):
    desk.arrive("vip", PEOPLE)
    desk.preview()
    assert desk.names() == []
    assert desk.state.blobs == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"connection_id": "connection-2"},
        {"connection_id": None, "active": False},
        {"fields": [{"field": "Shoe", "column": "a"}]},
        {"fields": [{"field": "Orders", "constant": "many", "type": "integer"}]},
        {"segments": ["vip", "vip"]},
    ],
)
def test_a_draft_that_could_not_be_saved_is_not_previewed(desk, wrong):
    desk.arrive("vip", PEOPLE)
    with pytest.raises(Invalid) as raised:
        desk.preview(**wrong)
    assert raised.value.errors


@pytest.mark.parametrize("size", [0, 11])
def test_no_more_than_ten_people_are_shown(desk, size):
    with pytest.raises(ValidationError):
        desk.preview(size=size)


def test_a_mapping_is_suggested_from_names_and_first_rows(desk):
    found = desk.suggest(
        "CustomerId,Prenume,Nume,Correo electrónico,Newsletter,Orders,CLV,Born,Vip,Zip,Notes\n"
        "c1,Ana,Pop,ana@example.com,da,7,1.5,31/12/1999,no,01234,\n"
        "c2,Ion,Rus,ion@example.com,nu,,12,1/2/2000,yes,40000,\n"
    )

    assert found.email_column == "Correo electrónico"
    assert found.consent_columns == ["Newsletter"]
    assert found.fields == [
        FieldMapping(field="FirstName", column="Prenume"),
        FieldMapping(field="LastName", column="Nume"),
        FieldMapping(field="MailingPostalCode", column="Zip"),
    ]
    assert found.custom_fields == [
        FieldMapping(field="CustomerId", column="CustomerId", type=FieldType.STRING),
        FieldMapping(field="Orders", column="Orders", type=FieldType.INTEGER),
        FieldMapping(field="CLV", column="CLV", type=FieldType.FLOAT),
        FieldMapping(field="Born", column="Born", type=FieldType.DATE, date_order=DateOrder.DMY),
        FieldMapping(field="Vip", column="Vip", type=FieldType.BOOLEAN),
    ]
    assert found.unused == ["CustomerId", "Orders", "CLV", "Born", "Vip", "Notes"]


def test_what_is_suggested_can_be_saved(desk):
    found = desk.suggest("EMail,First name,A--B,Ünïcode  name\nada@example.com,Ada,1,2\n")

    assert [mapping.field for mapping in found.custom_fields] == ["Ünïcode name"]
    export = desk.add(
        email_column=found.email_column,
        fields=[mapping.model_dump() for mapping in (*found.custom_fields,)],
    )
    assert export.fields == tuple(found.custom_fields)


def test_the_address_is_found_by_what_is_in_the_columns_when_no_name_says_it(desk):
    found = desk.suggest("id,Contacto,Email\n1,ada@example.com,yes\n2,grace@example.com,no\n")
    assert found.email_column == "Contacto"
    assert "Email" in found.unused


def test_no_address_is_suggested_where_there_is_none(desk):
    found = desk.suggest("id,name\n1,Ada\n")
    assert found.email_column is None
    assert found.consent_columns == []


def test_a_consent_column_that_is_neither_yes_nor_no_is_not_proposed(desk):
    found = desk.suggest("EMail,Newsletter,OptIn\na@example.com,weekly,1\nb@example.com,daily,0\n")
    assert found.consent_columns == ["OptIn"]


def test_columns_of_json_lines_keep_their_types(desk):
    found = desk.suggest(
        '{"email": "a@example.com", "orders": 3, "score": 1.0, "vip": true}\n', name="a.jsonl"
    )
    assert [(each.column, each.type) for each in found.custom_fields] == [
        ("orders", FieldType.INTEGER),
        ("score", FieldType.FLOAT),
        ("vip", FieldType.BOOLEAN),
    ]


def test_nothing_is_suggested_for_what_is_not_there(desk):
    with pytest.raises(NotFound):
        desk.mappings.suggest("vip", SHARED, ADMIN)
    desk.arrive("vip", PEOPLE)
    with pytest.raises(Invalid):
        desk.mappings.suggest("vip", "connection-2", ADMIN)
    desk.arrive("vip", "")
    with pytest.raises(SegmentUnreadable):
        desk.mappings.suggest("vip", SHARED, ADMIN)
