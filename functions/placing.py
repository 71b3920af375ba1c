"""Where in a trace a function runs.

The worker takes ``async`` functions to the place that the host says, but not the threads of the others (PyPI
azure-functions-runtime 1.3.0, ``handle_event.py`` and ``utils/executor.py``): those ask for the context and go there.
"""

from contextlib import AbstractContextManager

import azure.functions as func

from shared import telemetry


def placed(context: func.Context) -> AbstractContextManager[None]:
    """Let spans and log records of the block belong to the host's trace."""
    place = context.trace_context
    return telemetry.continued(place.trace_parent, place.trace_state)
