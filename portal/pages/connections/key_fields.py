"""The part of a form that says which key: one that is typed, or a secret of Key Vault. A key is never shown again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.forms import FieldErrors, Form
from portal.reader import gettext as _
from portal.web import Request
from shared.domain.errors import SecretUnavailable

TYPED, VAULT = "typed", "vault"
NAMES: Mapping[str, str] = {"/api_key": "api-key", "/secret_name": "secret-name"}


@dataclass(frozen=True, slots=True)
class KeyFields:
    """What the part shows. ``trouble`` is why the secrets cannot be listed; ``lost`` tells that a key was typed which
    the page does not show again."""

    source: str
    secret_name: str
    secrets: Sequence[str]
    trouble: SecretUnavailable | None
    may_type: bool
    lost: bool

    @property
    def options(self) -> list[tuple[str, str]]:
        return [("", _("Choose a secret")), *((name, name) for name in self.secrets)]


def key_fields(request: Request, *, may_type: bool = True) -> KeyFields:
    form = request.form
    source = form.get("key-source", TYPED)
    secrets, trouble = _secrets(request)
    return KeyFields(
        source=VAULT if source == VAULT or not may_type else TYPED,
        secret_name=form.get("secret-name"),
        secrets=secrets,
        trouble=trouble,
        may_type=may_type,
        lost=bool(form.get("api-key")),
    )


def chosen_key(form: Form, errors: FieldErrors, *, may_type: bool = True) -> dict[str, str]:
    """Return what NewKey is to be made of; what is missing is added to ``errors``."""
    if form.get("key-source") == VAULT or not may_type:
        if name := form.get("secret-name"):
            return {"secret_name": name}
        errors.add("secret-name", _("Choose a secret."))
        return {}
    if key := form.get("api-key"):
        return {"api_key": key}
    errors.add("api-key", _("Type the API key."))
    return {}


def _secrets(request: Request) -> tuple[Sequence[str], SecretUnavailable | None]:
    try:
        return request.app.connection_keys.secret_names(request.principal), None
    except SecretUnavailable as problem:
        return (), problem
