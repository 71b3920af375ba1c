"""Where the alerts of a connection go."""

from functions.api.registry import operations
from functions.operation import Answer, Request
from shared.bootstrap import app
from shared.domain.errors import Forbidden, Invalid, NotFound, SecretUnavailable, StorageUnavailable
from shared.usecases.alerts.targets import AlertTargetAdded, AlertTargetView, AlertTrial, NewAlertTarget


@operations.add(
    "PUT",
    "connections/{id}/alert",
    summary="Set where the alerts of a connection go",
    body=NewAlertTarget,
    answer=AlertTargetAdded,
    errors=(Invalid, Forbidden, NotFound, SecretUnavailable, StorageUnavailable),
)
def set_alert_target(request: Request) -> Answer:
    """Alerts tell of failed runs, partial success, runs that wait for approval, connections that need attention, and of
    recovery. The signing key is shown this once."""
    return Answer(app().alert_targets.set(request.params["id"], request.body, request.principal))


@operations.add(
    "GET",
    "connections/{id}/alert",
    summary="Show where the alerts of a connection go",
    answer=AlertTargetView,
    errors=(Forbidden, NotFound, StorageUnavailable),
)
def get_alert_target(request: Request) -> Answer:
    """Shows the host of the address, and what became of the last alert."""
    return Answer(app().alert_targets.get(request.params["id"], request.principal))


@operations.add(
    "DELETE",
    "connections/{id}/alert",
    summary="Send no more alerts of a connection",
    answer=None,
    status=204,
    errors=(Forbidden, NotFound, SecretUnavailable, StorageUnavailable),
)
def remove_alert_target(request: Request) -> Answer:
    """The address is removed from Key Vault."""
    app().alert_targets.remove(request.params["id"], request.principal)
    return Answer(status=204)


@operations.add(
    "POST",
    "connections/{id}/alert/test",
    summary="Send a test alert",
    answer=AlertTrial,
    errors=(Forbidden, NotFound, SecretUnavailable, StorageUnavailable),
)
def send_test_alert(request: Request) -> Answer:
    """Answers with what the receiver said."""
    return Answer(app().alert_targets.try_out(request.params["id"], request.principal))
