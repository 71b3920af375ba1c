"""Sources: what people declare about a segment's files."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from shared.domain.access import Principal, Role
from shared.domain.errors import Invalid, PreconditionFailed
from shared.domain.identifiers import version_of
from shared.domain.ports import Stores
from shared.domain.record import Clock
from shared.domain.segment import SegmentName, SegmentSource, SnapshotMode, SourceFormat
from shared.pipeline.journal import Journal
from shared.usecases.segments.arrivals import Arrivals
from shared.usecases.versions import require_version

_name = TypeAdapter(SegmentName)
_NOT_SET_BY_PEOPLE = frozenset({"updated_by", "updated_at"})


class SourceForm(BaseModel):
    """What a segment's files are. ``mode`` is by default what is usual for the format: changes (delta) for mParticle,
    Segment and RudderStack, all people (full) for the others. Delimiter and header are found out when absent."""

    model_config = ConfigDict(extra="forbid")
    format: SourceFormat = SourceFormat.AUTO
    mode: SnapshotMode | None = None
    delimiter: Annotated[str, StringConstraints(pattern=r'^[^"\r\n\x00 ]$')] | None = Field(
        default=None, description="One character; of CSV files only."
    )
    has_header: bool | None = Field(
        default=None, description="Whether the first row of CSV files names the columns."
    )


def source_version(source: SegmentSource) -> str:
    """Return the version of what people declared."""
    return version_of(source, without=_NOT_SET_BY_PEOPLE)


class Sources:
    """Use cases of declared sources. A source may be declared before the first file arrives."""

    def __init__(self, stores: Stores, arrivals: Arrivals, journal: Journal, clock: Clock) -> None:
        self._stores, self._arrivals, self._journal, self._clock = stores, arrivals, journal, clock

    def get(self, segment: str, principal: Principal) -> SegmentSource:
        """Raises NotFound when nothing is declared: files are then plain rows of all people."""
        principal.require(Role.VIEWER)
        return self._stores.sources.get(segment).record

    def declare(
        self, segment: str, form: SourceForm, principal: Principal, if_match: str | None
    ) -> SegmentSource:
        """Store what a segment's files are, and look at the present ones in this way; no run starts.

        ``if_match`` is needed when something is declared already.
        """
        with self._journal.audited(principal, "source.declare", segment) as details:
            principal.require(Role.CONTRIBUTOR)
            wanted = SegmentSource(
                segment=_checked(segment),
                format=form.format,
                mode=form.mode or form.format.usual_mode,
                delimiter=form.delimiter,
                has_header=form.has_header,
                updated_by=principal.name,
                updated_at=self._clock(),
            )
            details |= {"format": wanted.format, "mode": wanted.mode}

            def declare(present: SegmentSource | None) -> SegmentSource:
                if present is not None:
                    require_version(source_version(present), if_match, "source")
                elif if_match is not None:
                    raise PreconditionFailed("Nothing is declared for this segment.")
                return wanted

            declared = self._stores.sources.upsert(segment, declare)
        self._arrivals.look_again(segment)
        return declared

    def remove(self, segment: str, principal: Principal, if_match: str | None) -> None:
        """Take back what was declared; the files count as plain rows of all people again."""
        with self._journal.audited(principal, "source.remove", segment):
            principal.require(Role.CONTRIBUTOR)

            def check(present: SegmentSource) -> SegmentSource:
                require_version(source_version(present), if_match, "source")
                return present

            self._stores.sources.change(segment, check)
            self._stores.sources.remove(segment)
        self._arrivals.look_again(segment)


def _checked(segment: str) -> str:
    try:
        return _name.validate_python(segment)
    except ValidationError:
        raise Invalid(
            "This cannot be the name of a segment.", remedy="Give the name of its folder, without '/'."
        ) from None
