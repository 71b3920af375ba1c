"""The function app: everything it does is registered here."""

import logging

import azure.durable_functions as df
import azure.functions as func

from functions import api, erasing, housekeeping, orchestration, portal, triggers

# Each call of the SDKs would be two records: of storage for every batch, of the exporter for every record.
logging.getLogger("azure").setLevel(logging.WARNING)

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(api.bp)
app.register_functions(portal.bp)
app.register_functions(orchestration.bp)
app.register_functions(erasing.bp)
app.register_functions(housekeeping.bp)
app.register_functions(triggers.bp)
