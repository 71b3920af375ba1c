"""What people send to add and change connections."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from shared.domain.connection import Sharing
from shared.domain.record import Name

_MaxProfiles = Annotated[int, Field(gt=0)]
_MaxCalls = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_LIMIT = "Lowers the limit of profiles per run for this connection; null = the app's setting."
_CEILING = "Ceiling of calls per second; 0 = no ceiling; null = the app's setting."


class NewKey(BaseModel):
    """Exactly one of ``api_key`` and ``secret_name`` is needed; the key goes to Key Vault and never comes back."""

    model_config = ConfigDict(extra="forbid")
    api_key: Annotated[SecretStr, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="The API key. Write only."
    )
    secret_name: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,127}$")] | None = Field(
        default=None, description="The name of a Key Vault secret that holds the API key already."
    )

    @model_validator(mode="after")
    def _one_source_of_the_key(self) -> "NewKey":
        if (self.api_key is None) == (self.secret_name is None):
            raise ValueError("give either 'api_key' or 'secret_name'")
        return self


class KeyTrial(NewKey):
    """A key that is only tried."""

    destination: str = "autopilot"


class NewConsent(BaseModel):
    """*I agree*, to a version of the text that ``GET /api/consent`` shows. ``given_by`` is the caller unless named."""

    model_config = ConfigDict(extra="forbid")
    agreed: Literal[True]
    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    language: Literal["en", "es", "ro"] = "en"
    given_by: Name | None = None


class NewConnection(NewKey):
    """``export_user`` makes the caller the one on whose behalf runs are made: *Add yourself as export user*."""

    display_name: Name
    destination: str = "autopilot"
    shared_with: Sharing = Sharing.ADMINISTRATORS
    consent: NewConsent
    export_user: bool = True
    max_profiles_per_run: _MaxProfiles | None = Field(default=None, description=_LIMIT)
    max_calls_per_s: _MaxCalls | None = Field(default=None, description=_CEILING)


class ConnectionChanges(BaseModel):
    """What is absent stays as it is. Exports stay when the sharing changes."""

    model_config = ConfigDict(extra="forbid")
    display_name: Name | None = None
    shared_with: Sharing | None = None
    max_profiles_per_run: _MaxProfiles | None = Field(default=None, description=_LIMIT)
    max_calls_per_s: _MaxCalls | None = Field(default=None, description=_CEILING)
