"""The secrets part of Key Vault's REST API.

Shapes: Microsoft Learn, Key Vault REST reference (Secrets). Clients find out how to sign in from the
401 challenge; see `challenge_resource` for how the Azure SDK comes to trust a vault on loopback.
"""

import json
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import uuid4

from aiohttp import web

from devkit.vault.faults import Faults, Handler
from devkit.vault.secrets import Secret, SecretStore, SecretVersion, VaultError
from devkit.vault.tokens import TENANT, TokenIssuer

API_VERSION = re.compile(r"7\.\d|20\d\d-\d\d-\d\d(-preview)?")
MAX_PAGE = 25
RECOVERABLE_DAYS = 90


def challenge_resource(host: str) -> str:
    """Return the resource to name in the challenge, for a vault that was called by `host` (with port).

    The SDK accepts a challenge only if the vault's host lies in the resource's domain, as
    my.vault.azure.net lies in vault.azure.net: everything behind the first dot. It compares text, so
    the same rule serves 127.0.0.1:8443, whose "domain" is 0.0.1:8443. A name without a dot has no
    domain: clients that call https://localhost need verify_challenge_resource=False.
    """
    return "https://" + (host.partition(".")[2] or host)


def build_vault(store: SecretStore, issuer: TokenIssuer, faults: Faults) -> web.Application:
    """Return the web application that serves `store` to bearers of the issuer's tokens."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = await faults.before("vault", request)
        if refusal is not None:
            return refusal
        try:
            _authorize(request, issuer)
            response = await handler(request)
        except VaultError as error:
            response = _refuse(request, error)
        except web.HTTPException as error:
            response = _refuse(
                request, VaultError(error.status, error.reason, f"{request.method} {request.path}")
            )
        response.headers["x-ms-request-id"] = str(uuid4())
        return response

    routes = _Routes(store)
    app = web.Application(middlewares=[answer])
    app.router.add_get("/secrets", routes.list_secrets)
    app.router.add_get("/secrets/{name}/versions", routes.list_versions)
    app.router.add_put("/secrets/{name}", routes.set_secret)
    app.router.add_delete("/secrets/{name}", routes.delete_secret)
    for path in ("/secrets/{name}", "/secrets/{name}/", "/secrets/{name}/{version}"):
        app.router.add_get(path, routes.get_secret)
        app.router.add_patch(path, routes.update_secret)
    app.router.add_get("/deletedsecrets", routes.list_deleted)
    app.router.add_get("/deletedsecrets/{name}", routes.get_deleted)
    app.router.add_delete("/deletedsecrets/{name}", routes.purge_secret)
    app.router.add_post("/deletedsecrets/{name}/recover", routes.recover_secret)
    return app


class _Routes:
    def __init__(self, store: SecretStore) -> None:
        self._store = store

    async def set_secret(self, request: web.Request) -> web.Response:
        body = await _read_body(request)
        secret, version = self._store.set(
            request.match_info["name"],
            body.get("value"),
            content_type=body.get("contentType"),
            tags=body.get("tags") or {},
            attributes=body.get("attributes") or {},
        )
        return web.json_response({**_describe(request, secret, version), "value": body["value"]})

    async def update_secret(self, request: web.Request) -> web.Response:
        body = await _read_body(request)
        secret, version = self._store.update(
            request.match_info["name"],
            request.match_info.get("version", ""),
            content_type=body.get("contentType"),
            tags=body.get("tags"),
            attributes=body.get("attributes") or {},
        )
        return web.json_response(_describe(request, secret, version))

    async def get_secret(self, request: web.Request) -> web.Response:
        secret, version = self._store.find(request.match_info["name"], request.match_info.get("version", ""))
        return web.json_response(
            {**_describe(request, secret, version), "value": self._store.reveal(version)}
        )

    async def delete_secret(self, request: web.Request) -> web.Response:
        return web.json_response(_describe_deleted(request, self._store.delete(request.match_info["name"])))

    async def get_deleted(self, request: web.Request) -> web.Response:
        secret = self._store.find_deleted(request.match_info["name"])
        return web.json_response(_describe_deleted(request, secret))

    async def recover_secret(self, request: web.Request) -> web.Response:
        secret = self._store.recover(request.match_info["name"])
        return web.json_response(_describe(request, secret, secret.latest))

    async def purge_secret(self, request: web.Request) -> web.Response:
        self._store.purge(request.match_info["name"])
        return web.Response(status=204)

    async def list_secrets(self, request: web.Request) -> web.Response:
        items = (
            {**_describe(request, secret, secret.latest), "id": _url(request, "secrets", secret.name)}
            for secret in self._store.list(deleted=False)
        )
        return _page(request, items)

    async def list_versions(self, request: web.Request) -> web.Response:
        versions = self._store.versions(request.match_info["name"])
        return _page(request, (_describe(request, secret, version) for secret, version in versions))

    async def list_deleted(self, request: web.Request) -> web.Response:
        items = (
            {**_describe_deleted(request, secret), "id": _url(request, "secrets", secret.name)}
            for secret in self._store.list(deleted=True)
        )
        return _page(request, items)


def _authorize(request: web.Request, issuer: TokenIssuer) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not issuer.is_valid(token, challenge_resource(request.host)):
        message = "AKV10000: Request is missing a Bearer or PoP token, or the token is not for this vault."
        raise VaultError(401, "Unauthorized", message)
    if not API_VERSION.fullmatch(request.query.get("api-version", "")):
        raise VaultError(400, "BadParameter", "The api-version of the request is missing or not known.")


def _refuse(request: web.Request, error: VaultError) -> web.Response:
    details: dict[str, Any] = {"code": error.code, "message": str(error)}
    if error.inner is not None:
        details["innererror"] = {"code": error.inner}
    response = web.json_response({"error": details}, status=error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = (
            f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", '
            f'resource="{challenge_resource(request.host)}"'
        )
    return response


async def _read_body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except json.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise VaultError(400, "BadParameter", "The body must be a JSON object.")
    return body


def _url(request: web.Request, *parts: str) -> str:
    return "/".join((f"https://{request.host}", *parts))


def _describe(request: web.Request, secret: Secret, version: SecretVersion) -> dict[str, Any]:
    attributes = {
        "enabled": version.enabled,
        "nbf": version.not_before,
        "exp": version.expires,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": RECOVERABLE_DAYS,
    }
    described = {
        "id": _url(request, "secrets", secret.name, version.id),
        "contentType": version.content_type,
        "tags": version.tags,
    }
    return {
        **{key: value for key, value in described.items() if value is not None},
        "attributes": {key: value for key, value in attributes.items() if value is not None},
    }


def _describe_deleted(request: web.Request, secret: Secret) -> dict[str, Any]:
    deleted = secret.deleted or 0
    return {
        **_describe(request, secret, secret.latest),
        "recoveryId": _url(request, "deletedsecrets", secret.name),
        "deletedDate": deleted,
        "scheduledPurgeDate": deleted + RECOVERABLE_DAYS * 86400,
    }


def _page(request: web.Request, items: Iterable[dict[str, Any]]) -> web.Response:
    try:
        size = int(request.query.get("maxresults", MAX_PAGE))
        start = int(request.query.get("$skiptoken", 0))
    except ValueError as error:
        raise VaultError(400, "BadParameter", "maxresults and $skiptoken must be numbers.") from error
    if not 1 <= size <= MAX_PAGE or start < 0:
        raise VaultError(400, "BadParameter", f"maxresults must be between 1 and {MAX_PAGE}.")
    page = list(islice(items, start, start + size + 1))
    next_link = None
    if len(page) > size:
        query = {**request.query, "$skiptoken": str(start + size), "maxresults": str(size)}
        next_link = f"https://{request.host}{request.rel_url.with_query(query)}"
    return web.json_response({"value": page[:size], "nextLink": next_link})
