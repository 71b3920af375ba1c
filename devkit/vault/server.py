"""The vault as a child process, for tests and for the local stack."""

import json
import sys
from pathlib import Path
from types import TracebackType

from devkit.child import Child

REPOSITORY = Path(__file__).parents[2]


class VaultServer:
    """A running vault and identity; `with VaultServer(folder) as vault:` ends them at the end.

    `environment` holds what a client process needs: IDENTITY_ENDPOINT, IDENTITY_HEADER, KEY_VAULT_URL
    and REQUESTS_CA_BUNDLE. `control_url` takes faults. Raises ChildError if it does not start.
    """

    def __init__(
        self, state: Path, *, port: int = 0, identity_port: int = 0, log_path: Path | None = None
    ) -> None:
        command = [sys.executable, "-m", "devkit", "vault", "--state", str(state)]
        command += ["--port", str(port), "--identity-port", str(identity_port)]
        self.child = Child("the vault", command, log_path=log_path or state / "vault.log", cwd=REPOSITORY)
        try:
            [url] = self.child.wait_for_output(r"^identity listening on (\S+)", timeout_s=30)
        except BaseException:
            self.child.kill()
            raise
        self.control_url = f"{url}/control/faults"
        self.environment: dict[str, str] = json.loads((state / "env.json").read_text(encoding="utf-8"))

    def stop(self) -> None:
        self.child.stop()

    def __enter__(self) -> "VaultServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
