"""Which page answers which path."""

from collections.abc import Callable
from dataclasses import dataclass

from portal.web import Page
from shared.domain.access import Role

Params = dict[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """``role`` is what somebody needs at least to be let in; the use cases decide about the rest."""

    method: str
    steps: tuple[str, ...]
    page: Page
    role: Role

    def match(self, path: list[str]) -> Params | None:
        """Return the parameters of a path that fits, or None."""
        if len(path) != len(self.steps):
            return None
        params: Params = {}
        for step, value in zip(self.steps, path, strict=True):
            if step.startswith("{"):
                if not value:
                    return None
                params[step.strip("{}")] = value
            elif step != value:
                return None
        return params


class Pages:
    """Collects pages. A literal step wins over a parameter."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def get(self, path: str, role: Role = Role.VIEWER) -> Callable[[Page], Page]:
        """Register what shows a page: ``exports/{id}``."""
        return self._register("GET", path, role)

    def post(self, path: str, role: Role = Role.VIEWER) -> Callable[[Page], Page]:
        """Register what a form does."""
        return self._register("POST", path, role)

    def find(self, method: str, path: str) -> tuple[Route, Params] | None:
        steps = path.strip("/").split("/")
        found = [
            (route, params)
            for route in self.routes
            if route.method == method and (params := route.match(steps)) is not None
        ]
        if not found:
            return None
        return min(found, key=lambda each: len(each[1]))

    def _register(self, method: str, path: str, role: Role) -> Callable[[Page], Page]:
        def register(page: Page) -> Page:
            self.routes.append(Route(method, tuple(path.strip("/").split("/")), page, role))
            return page

        return register


pages = Pages()
"""All pages of the portal; importing ``portal.pages`` fills it."""
