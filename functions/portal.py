"""The portal's one function: everything below ``/portal`` goes to it, and what is left to the orchestration is done."""

import asyncio
import logging
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from functions.door import require_own_site
from functions.erasing import start_erasure
from functions.operation import in_thread
from functions.principal import require_person
from functions.problems import OrchestrationUnavailable
from functions.starting import cancel_run, decide_run, start_run
from portal.web import ROOT, CancelRun, DecideRun, Effect, Request, Response, StartErasure, StartRun
from shared.bootstrap import app
from shared.domain.access import Principal
from shared.domain.errors import NotSignedIn, SegpilotError

_AT_ONCE = 8

bp = df.Blueprint()


@bp.route(route="portal/{*path}", methods=("GET", "POST"), auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
async def answer_portal(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """The platform signs people in; the portal sends there who is not."""
    request = Request(
        method=req.method,
        url=req.url,
        path=req.route_params.get("path", ""),
        headers=req.headers,
        body=req.get_body() or b"",
        app=app(),
        identify=lambda: _identify(req),
    )
    response = await in_thread(lambda: _site().answer(request))
    if problem := await perform_all(response.effects, client):
        response = await in_thread(lambda: _site().tell(request, problem))
    return _encode(response)


@bp.route(route="{nothing:maxlength(0)?}", methods=("GET",), auth_level=func.AuthLevel.ANONYMOUS)
def lead_to_portal(req: func.HttpRequest) -> func.HttpResponse:
    """The site's own address leads to the portal."""
    del req
    return func.HttpResponse(status_code=302, headers={"Location": f"{ROOT}/"})


def _site() -> ModuleType:
    """The pages are loaded when the first of them is asked for: no other function needs them."""
    import portal.pages  # registers them
    import portal.site

    return portal.site


def _identify(req: func.HttpRequest) -> Principal:
    if os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
        raise NotSignedIn(
            "People cannot sign in here, since authentication is not switched on.",
            code="sign-in-off",
            remedy="Switch on the authentication of the function app.",
        )
    person = require_person(req.headers)
    if req.method != "GET":
        require_own_site(req)
    return person


async def perform_all(effects: Sequence[Effect], client: Any) -> SegpilotError | None:
    """Do all of them, whatever becomes of the others: what they are about is stored. Returns the first problem."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def perform(effect: Effect) -> SegpilotError | None:
        async with places:
            try:
                await _perform(effect, client)
            except SegpilotError as problem:
                return problem
            except Exception:
                logging.exception("The orchestration did not take over what a page began.")
                return OrchestrationUnavailable(
                    "What you asked for is stored, but it could not be begun.",
                    remedy="Send the form again: nothing is done twice. Runs also begin by themselves within minutes.",
                )
            return None

    problems = await asyncio.gather(*map(perform, effects))
    return next(filter(None, problems), None)


async def _perform(effect: Effect, client: Any) -> None:
    match effect:
        case StartRun():
            await start_run(client, effect.run)
        case CancelRun():
            await cancel_run(client, effect.run_id)
        case DecideRun():
            await decide_run(client, effect.run_id, effect.round)
        case StartErasure():
            await start_erasure(client, effect.erasure_id, effect.wanted)


def _encode(response: Response) -> func.HttpResponse:
    encoded = func.HttpResponse(response.body, status_code=response.status, headers=dict(response.headers))
    for cookie in response.cookies:
        encoded.headers.add("Set-Cookie", cookie)
    return encoded
