"""The managed-identity endpoint of App Service and Functions, and the vault's fault controls.

Protocol: Microsoft Learn, "Managed identities in App Service: REST endpoint reference"
(api-version 2019-08-01).
"""

import hmac

from aiohttp import web
from pydantic import ValidationError

from devkit.vault.faults import Fault, Faults, Handler
from devkit.vault.tokens import IDENTITY, TokenIssuer

TOKEN_PATH = "/msi/token"  # noqa: S105 (a path)


def build_identity(issuer: TokenIssuer, identity_header: str, faults: Faults) -> web.Application:
    """Return the web application that hands out tokens to whoever knows `identity_header`."""

    async def give_token(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", ""), identity_header):
            return web.json_response(
                {"statusCode": 400, "message": "X-IDENTITY-HEADER is wrong."}, status=400
            )
        resource = request.query.get("resource")
        if not resource or request.query.get("api-version") != "2019-08-01":
            return web.json_response(
                {"statusCode": 400, "message": "resource and api-version=2019-08-01 are required."},
                status=400,
            )
        token, expires = issuer.issue(resource)
        return web.json_response(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": request.query.get("client_id", IDENTITY),
            }
        )

    async def set_fault(request: web.Request) -> web.Response:
        try:
            faults.set(Fault.model_validate_json(await request.text()))
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.Response(status=204)

    async def clear_faults(_: web.Request) -> web.Response:
        faults.clear()
        return web.Response(status=204)

    @web.middleware
    async def suffer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == TOKEN_PATH:
            refusal = await faults.before("identity", request)
            if refusal is not None:
                return refusal
        return await handler(request)

    app = web.Application(middlewares=[suffer])
    app.router.add_get(TOKEN_PATH, give_token)
    app.router.add_post("/control/faults", set_fault)
    app.router.add_delete("/control/faults", clear_faults)
    return app
