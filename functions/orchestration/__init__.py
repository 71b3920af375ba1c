"""The orchestration of a run, and the activities it calls.

Only ids, blob names and counts travel through its history. Activities answer with an envelope instead of raising: the
SDK and the Durable extension number retries differently, so nothing here uses ``*_with_retry`` (docs/decisions/).
"""

from functions.orchestration import activities, lanes, run
from functions.orchestration.blueprint import bp
from functions.orchestration.lanes import LEGS
from functions.orchestration.waiting import CANCEL_EVENT, decision_event

__all__ = ["CANCEL_EVENT", "LEGS", "activities", "bp", "decision_event", "lanes", "run"]
