"""List prices in US dollars, from public pages and public copies of Microsoft's Retail Prices API, as of 2026-11.

They differ by region and contract. Functions: Flex Consumption, East US 2 (Retail Prices API, read 2026-10; also modal.com,
"Azure Functions pricing", May 2025). Private endpoints: Retail Prices API, a global meter. Blobs, tables, queues: hot, LRS,
West Europe, pricing pages of 2025. Log Analytics: 2.30 in the United States to 2.99 elsewhere; the dearest is taken.
"""

GB_S, GB_S_FREE = 0.000026, 100_000
"""On demand. What is free is free once per subscription."""
GB_S_READY, GB_S_IDLE = 0.000016, 0.000004
"""Of always-ready instances: while they work, and for each second that they stand ready. Nothing is free."""
EXECUTION, EXECUTIONS_FREE = 0.4 / 1e6, 250_000
BLOB_WRITE, BLOB_READ = 0.054 / 1e4, 0.0043 / 1e4
TABLE_REQUEST, QUEUE_REQUEST = 0.00036 / 1e4, 0.004 / 1e4
VAULT_READ = 0.03 / 1e4
GB_OUT, GB_OUT_FREE = 0.087, 100
GB_TELEMETRY, GB_TELEMETRY_FREE = 2.99, 5
EVENT, EVENTS_FREE = 0.6 / 1e6, 100_000
"""Event Grid, basic: an event that comes in, and each attempt to deliver it."""
ENDPOINT_HOUR, DNS_ZONE = 0.01, 0.5


def beyond(amount: float, free: float, price: float) -> float:
    """Return what is to be paid when the first part of an amount is free."""
    return max(0.0, amount - free) * price
