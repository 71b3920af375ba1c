"""The app's API as somebody calls it who is signed in at the dev kit's page."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests

from devkit.local.stack import LocalStack

Json = dict[str, Any]
ENDED = {"Successful", "Successful with rejects", "Failed", "Canceled", "Skipped"}
_POLL_S = 0.2


class ShowcaseError(RuntimeError):
    """A step was refused or took too long; says which."""


class Person:
    """`role` is one of administrator, contributor and viewer."""

    def __init__(self, stack: LocalStack, role: str) -> None:
        self._url = f"{stack.host_url}/api/signed-in"
        self._session = requests.Session()
        # What a browser says of a request that the site itself makes.
        self._session.headers["Origin"] = stack.host_url
        answer = self._session.post(
            f"{stack.host_url}/.auth/login/dev", data={"who": role}, allow_redirects=False, timeout=30
        )
        answer.raise_for_status()

    def get(self, path: str) -> Json:
        return self._call("GET", path)

    def post(self, path: str, body: object = None) -> Json:
        return self._call("POST", path, {} if body is None else body)

    def put(self, path: str, body: object) -> Json:
        """Put whatever version is there."""
        return self._call("PUT", path, body, {"If-Match": "*"})

    def run(self, export_id: str, **options: bool) -> str:
        """Start a run; return its id."""
        return str(self.post(f"exports/{export_id}/runs", options)["id"])

    def wait_for_run(self, run_id: str, test: Callable[[Json], bool], *, timeout_s: float = 120) -> Json:
        """Return the run as soon as it is as `test` wants it. Raises ShowcaseError after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not test(run := self.get(f"runs/{run_id}")):
            if time.monotonic() > deadline:
                raise ShowcaseError(f"{run_id} is still {run['status']}, {run['stage']}.")
            time.sleep(_POLL_S)
        return run

    def wait_for_end(self, run_id: str) -> Json:
        return self.wait_for_run(run_id, lambda run: run["status"] in ENDED)

    def wait_for_file(self, segment: str, file: str, *, timeout_s: float = 60) -> None:
        """Wait until a file is the newest one of a segment and its columns are known."""
        deadline = time.monotonic() + timeout_s
        while not self._has_arrived(segment, file):
            if time.monotonic() > deadline:
                raise ShowcaseError(f"{file} has not arrived.")
            time.sleep(_POLL_S)

    def _has_arrived(self, segment: str, file: str) -> bool:
        answer = self._session.get(f"{self._url}/segments/{quote(segment, safe='')}", timeout=60)
        if answer.status_code == requests.codes.not_found:
            return False
        found = answer.json()
        return bool(found["columns"]) and [each["name"] for each in found["snapshot"]["files"]] == [file]

    def _call(self, method: str, path: str, body: object = None, headers: Json | None = None) -> Json:
        answer = self._session.request(method, f"{self._url}/{path}", json=body, headers=headers, timeout=60)
        if not answer.ok:
            raise ShowcaseError(f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json()) if answer.content else {}
