"""An account for the pages about runs: one export over one connection, and runs in whatever state a test wants."""

from collections.abc import Iterable

from shared.domain.access import Role
from shared.domain.connection import Sharing
from shared.domain.run import Approval, Counts, Run, RunStatus, Stage, Step
from shared.pipeline import places
from shared.pipeline.rejects import header_line
from tests.fakes_stores import START
from tests.unit.portal_client import Browser, make_app
from tests.unit.run_office import Office

WEEK_S = 7 * 86_400
HOSTILE = ["<img src=x onerror=alert(1)>", "\u202eمرحبا שלום", "x" * 10_000]


class RunDesk(Office):
    """``app`` is that of the portal; ``seen`` opens a page as somebody."""

    def __init__(self, sharing: Sharing = Sharing.CONTRIBUTORS, **order: object) -> None:
        super().__init__("vip", "churn")
        self.connect(sharing=sharing)
        self.app = make_app()
        self.app.stores, self.app.state_blobs, self.app.log_blobs = self.stores, self.state, self.logs
        self.app.clock = self.clock
        self.run_id = self.order(**order).id

    @property
    def run(self) -> Run:
        return self.stores.runs.get(self.run_id).record

    def put(self, **changes: object) -> None:
        """Change the run."""
        self.change(self.run_id, **changes)

    def put_to(self, status: RunStatus, stage: Stage, **changes: object) -> None:
        """Bring the run to a state, a minute after it was asked for."""
        self.clock.advance(60)
        step = Step(stage=stage, started_at=self.clock())
        ended = {"ended_at": self.clock()} if status.ended else {}
        self.put(
            **{"status": status, "stage": stage, "started_at": START, "steps": (step,), **ended, **changes}
        )

    def let_ask(self, round_: int = 1, **changes: object) -> None:
        """Have the run wait for approval."""
        now = self.clock()
        expires = now.fromtimestamp(now.timestamp() + WEEK_S, now.tzinfo)
        reason = (
            "600 of the 1,000 people on the list of 'vip' would be taken off; that is 60%, the limit is 30%."
        )
        asked = Approval(
            round=round_, reasons=(reason,), removals=600, rejects=7, asked_at=now, expires_at=expires
        )
        counts = Counts(profiles=500, new=100, unchanged=400, leavers=600)
        self.put_to(RunStatus.WAITING_FOR_APPROVAL, Stage.APPROVAL, approval=asked, counts=counts, **changes)

    def reject(self, *rows: str, rejected: dict[str, int] | None = None) -> None:
        """Write the rejects file; ``rows`` are without the segment and the line end."""
        lines = "".join(f"vip,{row}\r\n" for row in rows)
        self.state.write(places.rejects(self.run_id), header_line() + lines.encode())
        if rejected is not None:
            self.put(rejected=rejected)

    def browser(self, role: Role = Role.ADMINISTRATOR, language: str = "en") -> Browser:
        return Browser(self.app, role, language)

    @property
    def address(self) -> str:
        return f"runs/{self.run_id}"


def numbers_of(page, names: Iterable[str]) -> dict[str, str]:
    """Return the figures of a run's page by what they are called."""
    told = {
        figure.dt.get_text(" ", strip=True): figure.dd.get_text(strip=True)
        for figure in page.soup.select(".figures > div")
    }
    return {name: told[name] for name in names}
