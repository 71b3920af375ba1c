"""Where a run keeps its files in the state container."""

from shared.domain.identifiers import storage_key


def working_folders(run_id: str) -> tuple[str, ...]:
    """What nobody needs once the run has ended: the people on their way, and what was answered."""
    return f"runs/{run_id}/stage/", f"runs/{run_id}/results/", f"runs/{run_id}/refused/"


def run_folder(run_id: str) -> str:
    return f"{ALL_RUNS}{run_id}/"


def plan(run_id: str) -> str:
    return f"runs/{run_id}/plan.json"


def rejects(run_id: str) -> str:
    return f"runs/{run_id}/rejects.csv"


def samples(run_id: str) -> str:
    """What a dry run would send of a few people, with masked addresses."""
    return f"runs/{run_id}/samples.json"


def stage_folder(run_id: str, segment: str, attempt: str) -> str:
    """Each attempt at staging has a folder of its own: a late repetition cannot change what is being pushed."""
    return f"runs/{run_id}/stage/{storage_key(segment)}/{attempt}/"


def chunk(folder: str, number: int) -> str:
    return f"{folder}chunk-{number:05}.jsonl"


def leaver_chunk(folder: str, number: int) -> str:
    return f"{folder}leavers-{number:05}.jsonl"


def staged_rejects(folder: str) -> str:
    return f"{folder}rejects.csv"


def staged_profiles(folder: str) -> str:
    return f"{folder}profiles.parquet"


def staged_to_send(folder: str) -> str:
    return f"{folder}to-send.parquet"


def staged_leavers(folder: str) -> str:
    return f"{folder}leavers.parquet"


def let_go(folder: str) -> str:
    """Leavers who go from the ledger without a call, since somebody else has them on the same list."""
    return f"{folder}let-go.parquet"


def staged_rebased(folder: str) -> str:
    """Who is unchanged although the mapping is another one, with the hash under the new mapping."""
    return f"{folder}rebased.parquet"


def staged_notes(folder: str) -> str:
    """What the row log will say of the rejects."""
    return f"{folder}notes.jsonl"


def bookmark(run_id: str) -> str:
    """How far the run has come."""
    return f"runs/{run_id}/stage/bookmark.json"


def results_folder(run_id: str, segment: str) -> str:
    return f"runs/{run_id}/results/{storage_key(segment)}/"


def results(run_id: str, segment: str, chunk: int, *, removals: bool) -> str:
    """How the names of the files begin that hold what was answered of a chunk."""
    return f"{results_folder(run_id, segment)}{'leavers-' if removals else ''}{chunk:05}-"


def refused(run_id: str, segment: str) -> str:
    return f"runs/{run_id}/refused/{storage_key(segment)}.csv"


def retry_set(run_id: str, segment: str) -> str:
    """Whom a run was to send and did not: kept as long as the run, so that they can be tried again."""
    return f"runs/{run_id}/retry/{storage_key(segment)}.parquet"


def export_ledgers(export_id: str) -> str:
    return f"{ALL_LEDGERS}{export_id}/"


def ledger(export_id: str, segment: str, list_id: str) -> str:
    """A ledger belongs to a list: when the list is another one, everybody has to be put on it."""
    return f"{export_ledgers(export_id)}{storage_key(segment)}/{storage_key(list_id)}.parquet"


def is_ledger_of(name: str, list_id: str) -> bool:
    return name.endswith(f"/{storage_key(list_id)}.parquet")


def suppression(connection_id: str) -> str:
    """The people who are never sent over a connection: sorted hashes of their addresses, one a line."""
    return f"suppression/{connection_id}.txt"


ALL_SENT = "sent/"


def sent_over(connection_id: str) -> str:
    return f"{ALL_SENT}{connection_id}/"


def sent(connection_id: str, export_id: str) -> str:
    """Whom an export sent over a connection, as hashes, when its ledgers are gone or somebody else's."""
    return f"{sent_over(connection_id)}{export_id}.parquet"


ALL_RUNS, ALL_LEDGERS, ALL_ERASURES = "runs/", "ledgers/", "erasures/"


def erasure_subject(erasure_id: str) -> str:
    """Whom an erasure is about; nothing else of it, and no history, holds the address. Gone when it has ended."""
    return f"{ALL_ERASURES}{erasure_id}/subject"
