"""Copies the tables of an installation into a file, and back: python -m devkit.table_backup save|load ACCOUNT FILE

Azure keeps no backup of tables. ACCOUNT is a table address, `https://ACCOUNT.table.core.windows.net`, reached as whoever
is signed in with `az login` (role *Storage Table Data Contributor*, for saving *Reader*), or a connection string.
A line of the file is one row. Lanes and paces are left out: the app makes them anew.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableServiceClient, UpdateMode
from azure.identity import DefaultAzureCredential

TABLES = ("SegpilotCatalogue", "SegpilotRuns")


def connect(account: str) -> TableServiceClient:
    if account.startswith("https://"):
        return TableServiceClient(account, credential=DefaultAzureCredential())
    return TableServiceClient.from_connection_string(account)


def save(service: TableServiceClient, path: Path) -> int:
    """Write all rows to `path`; return how many. The app may go on meanwhile: each row is whole."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for table in TABLES:
            for row in service.get_table_client(table).list_entities():
                # Whatever JSON does not tell apart would not come back as it was; the app writes no such values.
                if other := [name for name, value in row.items() if not isinstance(value, str | float)]:
                    raise ValueError(f"A row of {table} cannot be kept: {other}")
                file.write(json.dumps({"table": table, "row": dict(row)}, ensure_ascii=False) + "\n")
                count += 1
    return count


def load(service: TableServiceClient, path: Path) -> int:
    """Write the rows of a file back, over those that are there; return how many. The app should be stopped."""
    tables = {table: service.create_table_if_not_exists(table) for table in TABLES}
    count = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            tables[entry["table"]].upsert_entity(entry["row"], mode=UpdateMode.REPLACE)
            count += 1
    return count


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=("save", "load"))
    parser.add_argument("account")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args(argv)
    act = save if arguments.action == "save" else load
    try:
        with connect(arguments.account) as service:
            count = act(service, arguments.file)
    except HttpResponseError as problem:
        print(f"Storage refused: {problem.reason or problem.message}")
        return 1
    print(f"{count} rows")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
