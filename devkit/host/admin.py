"""The host's own endpoints: fire a blob or timer function by hand, ask how the host is, and a page at the root."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from devkit.host.http_triggers import presented_key
from devkit.host.keys import Keys

log = logging.getLogger("devkit.host")

Fire = Callable[[str], Awaitable[None]]


class Admin:
    """`firing` maps the names of functions that can be fired to what fires them with the text of `input`.

    As in Azure, a blob function's input is `container/name`, a timer's is ignored, and the answer comes before
    the function ran (Microsoft Learn, "Manually run a non HTTP-triggered function").
    """

    def __init__(self, *, keys: Keys, firing: Mapping[str, Fire], host_id: str) -> None:
        self._keys = keys
        self._firing = firing
        self._host_id = host_id
        self._started = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/admin/functions/{name}", self._fire),
            web.get("/admin/host/status", self._show_status),
        ]

    async def _fire(self, request: web.Request) -> web.Response:
        if not self._keys.is_master(presented_key(request)):
            return web.Response(status=401)
        name = request.match_info["name"]
        if name not in self._firing:
            return web.Response(status=404)
        try:
            document = await request.json()
            text = document["input"]
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text='The body must be {"input": "..."}')
        task = asyncio.create_task(self._run(name, str(text)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=202)

    async def _run(self, name: str, text: str) -> None:
        try:
            await self._firing[name](text)
        except Exception:
            log.exception("function=%s failed when fired by hand", name)

    async def _show_status(self, request: web.Request) -> web.Response:
        if not self._keys.is_master(presented_key(request)):
            return web.Response(status=401)
        uptime_ms = int((time.monotonic() - self._started) * 1000)
        return web.json_response({"id": self._host_id, "state": "Running", "processUptime": uptime_ms})


async def show_home(_: web.Request) -> web.Response:
    """Answer the root, as Azure's landing page does, unless AzureWebJobsDisableHomepage is true."""
    return web.Response(
        text='<!doctype html><html lang="en"><meta charset="utf-8"><title>Running</title>'
        "<h1>Your function app is up and running</h1></html>",
        content_type="text/html",
    )
