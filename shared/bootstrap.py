"""The one place that names real adapters. Nothing here talks to the network until it is first used.

What only some functions need, and is large, is imported where it is made: none of it is part of a start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from shared.adapters.blobs import AzureSegmentBlobs, AzureSegmentUploads, AzureStateBlobs
from shared.adapters.tables import TableStores
from shared.domain.destination import Destination
from shared.domain.record import Clock, utc_now
from shared.pipeline.journal import Journal
from shared.pipeline.peeking import Peeker
from shared.pipeline.pushing.pacing import PaceBook
from shared.pipeline.steps.context import PipelineLimits, RunContext
from shared.settings import Settings
from shared.usecases.alerts.desk import AlertDesk
from shared.usecases.alerts.post import AlertPost
from shared.usecases.alerts.targets import AlertTargets
from shared.usecases.audit import Audit
from shared.usecases.connections.connections import Connections
from shared.usecases.connections.keys import ConnectionKeys
from shared.usecases.connections.probe import ConnectionProbe
from shared.usecases.connections.removal import ConnectionRemoval
from shared.usecases.connections.suppression import Suppression
from shared.usecases.erasures import Erasures
from shared.usecases.exports.checks import ExportChecks
from shared.usecases.exports.exports import Exports
from shared.usecases.exports.mappings import Mappings
from shared.usecases.exports.previews import Previews
from shared.usecases.exports.search import ExportList
from shared.usecases.exports.views import ExportViews
from shared.usecases.health import Health
from shared.usecases.overview import Overview
from shared.usecases.retention import Keeping, Retention
from shared.usecases.runs.lost import LostRuns
from shared.usecases.runs.orders import RunOrders
from shared.usecases.runs.runs import Runs
from shared.usecases.runs.schedules import Schedules
from shared.usecases.runs.ticks import Ticks
from shared.usecases.segments.arrivals import Arrivals
from shared.usecases.segments.overlooked import Overlooked
from shared.usecases.segments.registrations import Registrations
from shared.usecases.segments.segments import Segments
from shared.usecases.segments.sources import Sources
from shared.usecases.segments.uploads import Uploads

if TYPE_CHECKING:
    from shared.adapters.vault import KeyVault
    from shared.adapters.webhook import GuardedWebhooks

_TABLE_TIMEOUTS: Mapping[str, Any] = {"connection_timeout": 10, "read_timeout": 15}
"""In seconds, for each of the SDK's attempts. By itself it waits five minutes for an answer, and a page with it."""


def _credential(client_id: str) -> TokenCredential:
    return DefaultAzureCredential(managed_identity_client_id=client_id or None)


@dataclass
class App:
    """Everything the functions use, made on first use and kept as long as the process."""

    settings: Settings
    clock: Clock = utc_now

    @cached_property
    def stores(self) -> TableStores:
        settings = self.settings
        if settings.state_storage:
            return TableStores(
                TableServiceClient.from_connection_string(settings.state_storage, **_TABLE_TIMEOUTS)
            )
        return TableStores(
            TableServiceClient(
                settings.state_storage__tableserviceuri,
                credential=_credential(settings.state_storage__clientid),
                **_TABLE_TIMEOUTS,
            )
        )

    @cached_property
    def segment_service(self) -> BlobServiceClient:
        settings = self.settings
        return _blob_service(
            settings.segment_storage,
            settings.segment_storage__blobserviceuri,
            settings.segment_storage__clientid,
        )

    @cached_property
    def segment_blobs(self) -> AzureSegmentBlobs:
        return AzureSegmentBlobs(self.segment_service, self.settings.segments_container)

    @cached_property
    def segment_uploads(self) -> AzureSegmentUploads:
        return AzureSegmentUploads(self.segment_service, self.settings.segments_container)

    @cached_property
    def state_blobs(self) -> AzureStateBlobs:
        settings = self.settings
        service = _blob_service(
            settings.state_storage, settings.state_storage__blobserviceuri, settings.state_storage__clientid
        )
        return AzureStateBlobs(service, settings.state_container)

    @cached_property
    def log_blobs(self) -> AzureStateBlobs:
        settings = self.settings
        service = _blob_service(
            settings.state_storage, settings.state_storage__blobserviceuri, settings.state_storage__clientid
        )
        return AzureStateBlobs(service, settings.logs_container)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.log_blobs, self.clock)

    @cached_property
    def alerts(self) -> AlertDesk:
        return AlertDesk(self.stores, self.alert_post, self.clock)

    @cached_property
    def alert_post(self) -> AlertPost:
        return AlertPost(self.vault, self.webhooks, self.clock)

    @cached_property
    def alert_targets(self) -> AlertTargets:
        return AlertTargets(self.stores, self.vault, self.webhooks, self.alert_post, self.journal, self.clock)

    @cached_property
    def webhooks(self) -> "GuardedWebhooks":
        from shared.adapters.webhook import GuardedWebhooks, read_names

        return GuardedWebhooks(read_names(self.settings.alert_private_hosts))

    @cached_property
    def vault(self) -> "KeyVault":
        from azure.keyvault.secrets import SecretClient

        from shared.adapters.vault import KeyVault

        settings = self.settings
        return KeyVault(
            SecretClient(
                settings.key_vault_url,
                _credential(settings.key_vault_client_id),
                verify_challenge_resource=settings.key_vault_verify_challenge_resource,
            )
        )

    @cached_property
    def destinations(self) -> Mapping[str, Destination]:
        from shared.adapters.autopilot import Autopilot

        autopilot = Autopilot(self.settings.autopilot_url, timeout_s=self.settings.autopilot_timeout_s)
        return {autopilot.name: autopilot}

    @cached_property
    def paces(self) -> PaceBook:
        return PaceBook(self.stores.paces)

    @cached_property
    def connections(self) -> Connections:
        return Connections(
            self.stores,
            self.vault,
            self.connection_probe,
            self.journal,
            self.alerts,
            max_profiles_per_run=self.settings.max_profiles_per_run,
            clock=self.clock,
        )

    @cached_property
    def connection_probe(self) -> ConnectionProbe:
        return ConnectionProbe(self.vault, self.destinations, self.paces, self.clock)

    @cached_property
    def connection_keys(self) -> ConnectionKeys:
        return ConnectionKeys(
            self.stores, self.vault, self.connection_probe, self.journal, self.alerts, self.clock
        )

    @cached_property
    def connection_removal(self) -> ConnectionRemoval:
        return ConnectionRemoval(
            self.stores, self.state_blobs, self.vault, self.exports, self.journal, self.clock
        )

    @cached_property
    def suppression(self) -> Suppression:
        return Suppression(self.stores, self.state_blobs, self.journal)

    @cached_property
    def exports(self) -> Exports:
        return Exports(
            self.stores,
            self.state_blobs,
            self.export_checks,
            self.export_views,
            self.journal,
            self.clock,
        )

    @cached_property
    def export_checks(self) -> ExportChecks:
        return ExportChecks(self.stores, self.destinations)

    @cached_property
    def export_views(self) -> ExportViews:
        return ExportViews(self.stores, self.clock, max_profiles_per_run=self.settings.max_profiles_per_run)

    @cached_property
    def export_list(self) -> ExportList:
        return ExportList(self.stores, self.export_views)

    @cached_property
    def mappings(self) -> Mappings:
        return Mappings(self.stores, self.peeker, self.destinations, self.export_checks)

    @cached_property
    def previews(self) -> Previews:
        return Previews(
            self.stores,
            self.state_blobs,
            self.peeker,
            self.destinations,
            self.export_checks,
            self.journal,
        )

    @cached_property
    def segments(self) -> Segments:
        return Segments(
            self.stores,
            self.peeker,
            self.journal,
            max_profiles_per_run=self.settings.max_profiles_per_run,
        )

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.stores, self.arrivals, self.journal, self.clock)

    @cached_property
    def overlooked(self) -> Overlooked:
        return Overlooked(self.stores, self.segment_blobs, self.journal)

    @cached_property
    def uploads(self) -> Uploads:
        return Uploads(
            self.stores,
            self.segment_uploads,
            self.journal,
            self.clock,
            max_file_mb=self.settings.stage_max_file_mb,
        )

    @cached_property
    def peeker(self) -> Peeker:
        return Peeker(self.segment_blobs, self.settings.stage_max_file_mb)

    @cached_property
    def registrations(self) -> Registrations:
        return Registrations(self.stores, self.peeker)

    @cached_property
    def run_orders(self) -> RunOrders:
        return RunOrders(self.stores, self.state_blobs, self.journal, self.clock)

    @cached_property
    def schedules(self) -> Schedules:
        return Schedules(self.stores, self.journal, self.clock)

    @cached_property
    def ticks(self) -> Ticks:
        return Ticks(self.stores, self.run_orders, self.alerts)

    @cached_property
    def lost_runs(self) -> LostRuns:
        return LostRuns(self.stores)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self.stores, self.state_blobs, self.journal, self.clock)

    @cached_property
    def overview(self) -> Overview:
        return Overview(self.stores, self.export_views, self.runs, self.clock)

    @cached_property
    def arrivals(self) -> Arrivals:
        return Arrivals(
            self.stores, self.segment_blobs, self.registrations, self.settings.settle_time_s, self.clock
        )

    @cached_property
    def retention(self) -> Retention:
        settings = self.settings
        keeping = Keeping(
            runs=timedelta(days=settings.run_retention_days),
            rejects=timedelta(days=settings.rejects_retention_days),
            logs=timedelta(days=settings.log_retention_days),
        )
        return Retention(self.stores, self.state_blobs, self.log_blobs, self.journal, keeping, self.clock)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.journal)

    @cached_property
    def erasures(self) -> Erasures:
        return Erasures(self.stores, self.state_blobs, self.journal, self.clock)

    @cached_property
    def health(self) -> Health:
        return Health(
            {
                "tables": lambda: self.stores.ping(),
                "segment container": lambda: self.segment_blobs.ping(),
                "state container": lambda: self.state_blobs.ping(),
                "key vault": lambda: self.vault.ping(),
                **{name: destination.ping for name, destination in self.destinations.items()},
            }
        )

    @cached_property
    def run_context(self) -> RunContext:
        settings = self.settings
        return RunContext(
            self.stores,
            self.segment_blobs,
            self.state_blobs,
            self.vault,
            self.destinations,
            self.paces,
            PipelineLimits(
                max_profiles_per_run=settings.max_profiles_per_run,
                max_calls_per_s=settings.max_calls_per_s,
                stage_memory_mb=settings.stage_memory_mb,
                stage_max_file_mb=settings.stage_max_file_mb,
                batches_per_chunk=settings.batches_per_chunk,
                push_threads=settings.push_threads,
                key_patience_s=settings.key_patience_s,
                run_attempts=settings.run_attempts,
                run_retry_after_s=settings.run_retry_after_s,
                row_log=settings.row_log,
            ),
            self.clock,
            self.journal,
            self.log_blobs,
            self.alerts,
        )


def _blob_service(connection_string: str, url: str, client_id: str) -> BlobServiceClient:
    if connection_string:
        return BlobServiceClient.from_connection_string(connection_string)
    return BlobServiceClient(url, credential=_credential(client_id))


@cache
def app() -> App:
    """The app of this process, from its environment. Raises SettingsInvalid."""
    return App(Settings.read())
