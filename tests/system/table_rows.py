"""What `az storage entity delete` does, with the local storage: python -m tests.system.table_rows CONNECTION_STRING storage …"""

import argparse
import sys

from azure.data.tables import TableServiceClient

if __name__ == "__main__":
    address, *command = sys.argv[1:]
    assert command[:3] == ["storage", "entity", "delete"], command
    parser = argparse.ArgumentParser()
    for name in ("account-name", "auth-mode", "table-name", "partition-key", "row-key"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args(command[3:])
    with TableServiceClient.from_connection_string(address) as service:
        service.get_table_client(asked.table_name).delete_entity(asked.partition_key, asked.row_key)
