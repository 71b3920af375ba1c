"""Files as customers have them, from the folder `shared/data` beside the checkout, where there is one."""

import csv
import io
import random
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from tests.system.driver import Json, Segpilot
from tests.system.invariants import assert_one_story, outcome

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SETTLED_S = 3  # three times as long as the stack lets a folder settle

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="there is no customer data beside the checkout")


def custom(contact: Json) -> dict[str, object]:
    """Return a contact's custom fields by name."""
    return {field["kind"]: field["value"] for field in contact["custom_fields"]}


def test_adventure_works_arrives_whole_and_only_its_changes_follow(app: Segpilot, tag: str) -> None:
    data = (DATA / "adventure_works_customers.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    people = {row["EmailAddress"].strip().lower() for row in rows}
    export = app.add_export(
        tag,
        email_column="EmailAddress",
        fields=[
            {"field": "FirstName", "column": "FirstName"},
            {"field": "LastName", "column": "LastName"},
            {"field": "Income", "column": "AnnualIncome", "type": "float"},
            {"field": "Born", "column": "BirthDate", "type": "date"},
            {"field": "Children", "column": "TotalChildren", "type": "integer"},
            {"field": "Owner", "column": "HomeOwner", "type": "boolean"},
        ],
    )

    app.upload(f"{tag}/customers.csv", data)
    first = app.wait_for_run(export)
    assert outcome(first) == ("Successful", None)
    assert first["dropped_values"] == {}
    assert_one_story(app, first, people, rows=len(rows))

    contacts = app.simulator.contacts(tag, app.stack.autopilot_key)
    fields = [custom(contact) for contact in contacts]
    assert len(contacts) == len(people)
    assert Counter(contact["LastName"] for contact in contacts) == Counter(row["LastName"] for row in rows)
    incomes = (float(row["AnnualIncome"].strip(" $").replace(",", "")) for row in rows)
    assert sum(each["Income"] for each in fields) == sum(incomes)
    assert sum(each["Children"] for each in fields) == sum(int(row["TotalChildren"]) for row in rows)
    assert Counter(each["Owner"] for each in fields) == Counter(row["HomeOwner"] == "Y" for row in rows)
    births = (datetime.strptime(row["BirthDate"], "%m/%d/%Y").date().isoformat() for row in rows)
    assert Counter(str(each["Born"])[:10] for each in fields) == Counter(births)

    app.upload(f"{tag}/customers.csv", data)
    second = app.wait_for_run(export, 2)
    assert outcome(second) == ("Successful", None)
    assert (second["counts"]["sent"], second["counts"]["unchanged"]) == (0, len(people))
    assert_one_story(app, second, people, rows=len(rows))

    lines = data.split(b"\r\n")
    lines[5_001:5_101] = [line.replace(b',"$', b',"$1', 1) for line in lines[5_001:5_101]]
    app.upload(f"{tag}/customers.csv", b"\r\n".join(lines))
    third = app.wait_for_run(export, 3)
    assert outcome(third) == ("Successful", None)
    assert (third["counts"]["sent"], third["counts"]["changed"]) == (100, 100)
    assert_one_story(app, third, people, rows=len(rows))


def test_contoso_coffee_arrives_with_its_blanks_accounted_for(app: Segpilot, tag: str) -> None:
    data = (DATA / "contoso_coffee_contacts.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    people = {row["Email"].strip().lower() for row in rows if row["Email"].strip()}
    mapping = {"FirstName": "First Name", "LastName": "Last Name", "MailingStreet": "Address 1: Street 1"}
    fields = [{"field": field, "column": column} for field, column in mapping.items()]
    export = app.add_export(tag, fields=fields)

    app.upload(f"{tag}/contacts.csv", data)
    run = app.wait_for_run(export)

    assert outcome(run) == ("Successful with rejects", None)
    assert run["rejected"] == {"email_blank": len(rows) - len(people)}
    assert_one_story(app, run, people, rows=len(rows))


def read_tree(layout: str, table: str) -> list[tuple[str, bytes]]:
    """Return the blobs of a Customer Insights layout by name, oldest first, with a table and export folder of its own."""
    root = DATA / "layouts" / layout
    renamed = {"HighValueSegment": table, "BlobExport": f"Export{table}"}
    tree = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name, data = str(path.relative_to(root)), path.read_bytes()
        for old, new in renamed.items():
            name, data = name.replace(old, new), data.replace(old.encode(), new.encode())
        tree.append((name, data))
    return tree


def put_in_order(tree: list[tuple[str, bytes]], order: str) -> list[tuple[str, bytes]]:
    manifests = [blob for blob in tree if blob[0].endswith("model.json")]
    files = [blob for blob in tree if blob not in manifests]
    match order:
        case "manifest first":
            return [*manifests, *files]
        case "manifest last":
            return [*files, *manifests]
        case "manifest first, newest first":
            return [*manifests, *reversed(files)]
        case "manifest last, newest first":
            return [*reversed(files), *manifests]
    return random.Random(order).sample(tree, len(tree))


ORDERS = ["manifest first", "manifest last", "manifest first, newest first", "manifest last, newest first"]


@pytest.mark.parametrize("layout", ["ci-blob", "ci-blob-noheader"])
def test_the_newest_folder_of_customer_insights_is_exported_once_in_whatever_order_it_arrives(
    app: Segpilot, tag: str, layout: str
) -> None:
    people = {f"{name}@example.com" for name in ("ana.nunez", "ion.turcanu", "jo.oneil")}
    people.add("multi.line@example.org")
    fields = [
        {"field": "FirstName", "column": "FirstName"},
        {"field": "Value", "column": "LifetimeValue", "type": "float"},
    ]
    exports = {}
    for number, order in enumerate([*ORDERS, "shuffled 1", "shuffled 2", "shuffled 3"]):
        table = f"{tag}{number}"
        exports[order] = table, app.add_export(table, email_column="EMail", fields=fields)

    for order, (table, _) in exports.items():
        for name, data in put_in_order(read_tree(layout, table), order):
            app.upload(name, data)
    runs = {order: app.wait_for_run(export, timeout_s=180) for order, (_, export) in exports.items()}
    time.sleep(SETTLED_S)

    for order, (table, export) in exports.items():
        run = runs[order]
        assert outcome(run) == ("Successful with rejects", None), (order, run["failure"])
        assert len(app.runs(export)) == 1, order
        assert run["rejected"] == {"duplicate_email": 1, "email_blank": 1, "email_no_at_sign": 1}, order
        assert_one_story(app, run, people, rows=7)
        files = app.find_segment(table)["snapshot"]["files"]
        assert {file["name"].rpartition("/")[0][-15:] for file in files} == {"2022/10/27/1433"}, order
