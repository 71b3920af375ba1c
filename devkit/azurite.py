"""Azurite, Microsoft's storage emulator: blobs, queues and tables on free loopback ports.

It is pinned by `package.json` and `package-lock.json` beside this file and installed the first time
it is needed; that takes Node.js 20 or newer with npm.
"""

from pathlib import Path
from types import TracebackType

from devkit.child import Child
from devkit.npm import ensure_installed

DEVKIT = Path(__file__).parent
PROGRAM = DEVKIT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"

ACCOUNT_NAME = "devstoreaccount1"
# Public by design, the same in every Azurite: Microsoft Learn, "Use the Azurite emulator".
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class AzuriteServer:
    """A running Azurite with one account; `with AzuriteServer(folder) as azurite:` ends it at the end.

    Data stay in `folder` and are there again for the next server on the same folder. `ports` are those
    of blob, queue and table; 0 (the default) lets the system choose, which no other process can race.
    With `log_requests` every request is a line of its log.
    Raises NpmError, or ChildError if it does not start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: tuple[int, int, int] = (0, 0, 0),
        log_path: Path | None = None,
        log_requests: bool = False,
    ):
        ensure_installed(DEVKIT, "azurite")
        folder.mkdir(parents=True, exist_ok=True)
        command = ["node", str(PROGRAM), "--skipApiVersionCheck", "--disableTelemetry"]
        command += ["--location", str(folder), *([] if log_requests else ["--silent"])]
        for service, port in zip(("blob", "queue", "table"), ports, strict=True):
            command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        self.child = Child("Azurite", command, log_path=log_path or folder / "azurite.log", cwd=folder)
        try:
            urls = self.child.wait_for_output(
                r"service is successfully listening at (http://\S+)", timeout_s=60, count=3
            )
        except BaseException:
            self.child.kill()
            raise
        self.blob_url, self.queue_url, self.table_url = (f"{url}/{ACCOUNT_NAME}" for url in urls)

    @property
    def connection_string(self) -> str:
        """What AzureWebJobsStorage and every storage SDK accept."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )

    def stop(self) -> None:
        """End Azurite; it writes its index files first."""
        self.child.stop()

    def __enter__(self) -> "AzuriteServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
