"""The function app: everything it does is registered here."""

import gc
import logging

# Nothing of what is imported is ever given back: looking for it would take a fifth of the start.
gc.disable()

import azure.durable_functions as df  # noqa: E402
import azure.functions as func  # noqa: E402

from functions import api, erasing, housekeeping, orchestration, portal, triggers  # noqa: E402

# Each call of an SDK would be two records, of the exporter's, too, and each function a record of the worker's.
logging.getLogger("azure").setLevel(logging.WARNING)

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(api.bp)
app.register_functions(portal.bp)
app.register_functions(orchestration.bp)
app.register_functions(erasing.bp)
app.register_functions(housekeeping.bp)
app.register_functions(triggers.bp)

gc.freeze()
gc.enable()
