"""The app settings that Segpilot reads, in one place. ``docs/settings.md`` explains each of them."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.domain.access import Role
from shared.domain.errors import Fault, SegpilotError
from shared.pipeline.row_log import RowLog


class SettingsInvalid(SegpilotError):
    """A setting is missing or makes no sense; the message names each of them."""

    code, title, fault = "settings-invalid", "The app settings are not complete", Fault.CONFIGURATION


Positive = Annotated[int, Field(gt=0)]


class Settings(BaseModel):
    """Each field is read from the environment variable of the same name in capitals."""

    model_config = ConfigDict(
        frozen=True, alias_generator=AliasGenerator(validation_alias=str.upper), extra="ignore"
    )

    segment_storage: str = Field(default="", repr=False)
    segment_storage__blobserviceuri: str = Field(
        default="", validation_alias="SEGMENT_STORAGE__blobServiceUri"
    )
    segment_storage__clientid: str = Field(default="", validation_alias="SEGMENT_STORAGE__clientId")
    state_storage: str = Field(default="", repr=False)
    state_storage__blobserviceuri: str = Field(default="", validation_alias="STATE_STORAGE__blobServiceUri")
    state_storage__tableserviceuri: str = Field(default="", validation_alias="STATE_STORAGE__tableServiceUri")
    state_storage__clientid: str = Field(default="", validation_alias="STATE_STORAGE__clientId")
    segments_container: str = "segments"
    state_container: str = "segpilot"
    key_vault_url: Annotated[str, Field(min_length=1)]
    key_vault_client_id: str = ""
    key_vault_verify_challenge_resource: bool = True
    autopilot_url: str = "https://api2.autopilothq.com/v1"
    autopilot_timeout_s: Positive = 60
    function_key_role: Role = Role.CONTRIBUTOR
    settle_time_s: Annotated[float, Field(ge=0, le=86_400)] = 60
    max_profiles_per_run: Positive = 100_000
    max_calls_per_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20
    stage_memory_mb: Positive = 256
    stage_max_file_mb: Positive = 4_096
    batches_per_chunk: Positive = 128
    push_lanes: Positive = 2
    push_threads: Positive = 32
    push_patience_s: Positive = 6 * 3600
    key_patience_s: Annotated[int, Field(ge=0, le=600)] = 60
    run_attempts: Positive = 3
    run_retry_after_s: Positive = 3600
    logs_container: str = "segpilot-logs"
    row_log: RowLog = RowLog.REJECTS
    run_retention_days: Positive = 90
    rejects_retention_days: Positive = 30
    log_retention_days: Positive = 365
    alert_private_hosts: str = ""

    @model_validator(mode="after")
    def _storage_is_named(self) -> Self:
        if not (self.segment_storage or self.segment_storage__blobserviceuri):
            raise ValueError("SEGMENT_STORAGE or SEGMENT_STORAGE__blobServiceUri is needed")
        if not (
            self.state_storage or (self.state_storage__blobserviceuri and self.state_storage__tableserviceuri)
        ):
            raise ValueError(
                "STATE_STORAGE, or STATE_STORAGE__blobServiceUri with STATE_STORAGE__tableServiceUri, is needed"
            )
        return self

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings; raises SettingsInvalid that names every wrong one."""
        try:
            return cls.model_validate(dict(os.environ if environment is None else environment))
        except ValidationError as problem:
            wrong = "; ".join(
                ": ".join([*map(str, error["loc"]), error["msg"].removeprefix("Value error, ")])
                for error in problem.errors(include_input=False)
            )
            raise SettingsInvalid(
                f"These app settings need attention: {wrong}.", remedy="See docs/settings.md."
            ) from None
