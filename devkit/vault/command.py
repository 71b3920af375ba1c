"""`python -m devkit vault`: serve the vault and its identity until told to stop."""

import argparse
import asyncio
import json
import signal
import ssl
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from devkit.vault.certificates import Certificates
from devkit.vault.faults import Faults
from devkit.vault.identity import TOKEN_PATH, build_identity
from devkit.vault.keys import VaultKeys, write_private_file
from devkit.vault.rest import build_vault
from devkit.vault.secrets import SecretStore
from devkit.vault.tokens import TokenIssuer


def main(argv: Sequence[str]) -> int:
    """Run in the foreground; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devkit vault", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="https port of the vault (default: a free one)")
    parser.add_argument("--identity-port", type=int, default=0, help="http port of the managed identity")
    parser.add_argument("--state", type=Path, required=True, help="folder for secrets, keys and env.json")
    arguments = parser.parse_args(argv)
    asyncio.run(serve(arguments.state, arguments.port, arguments.identity_port))
    return 0


async def serve(state: Path, port: int, identity_port: int) -> None:
    """Serve until SIGTERM or SIGINT; write `env.json`, then print the ready line."""
    state.mkdir(parents=True, exist_ok=True)
    keys = VaultKeys(state)
    certificates = Certificates(state)
    issuer = TokenIssuer(keys.tokens)
    faults = Faults()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.certificate, certificates.key)

    vault = web.AppRunner(build_vault(SecretStore(state / "secrets.json", keys.values), issuer, faults))
    identity = web.AppRunner(build_identity(issuer, keys.identity_header, faults))
    try:
        vault_port = await _listen(vault, port, tls)
        identity_port = await _listen(identity, identity_port, None)
        environment = {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{identity_port}{TOKEN_PATH}",
            "IDENTITY_HEADER": keys.identity_header,
            "KEY_VAULT_URL": f"https://127.0.0.1:{vault_port}",
            "REQUESTS_CA_BUNDLE": str(certificates.bundle.resolve()),
        }
        write_private_file(state / "env.json", json.dumps(environment, indent=1).encode())
        print(f"vault listening on {environment['KEY_VAULT_URL']}", flush=True)
        print(f"identity listening on http://127.0.0.1:{identity_port}", flush=True)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
    finally:
        await vault.cleanup()
        await identity.cleanup()


async def _listen(runner: web.AppRunner, port: int, tls: ssl.SSLContext | None) -> int:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls, shutdown_timeout=1).start()
    return int(runner.addresses[0][1])
