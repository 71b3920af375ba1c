"""Who is asking, and what they may do: administrators decide where data may go, contributors what goes and how often."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.connection import Connection, Sharing
from shared.domain.errors import Forbidden


class Role(StrEnum):
    """What a person may do, each more than the one before (Customer Insights, "User permissions")."""

    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    ADMINISTRATOR = "administrator"

    def includes(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Principal:
    """``name`` is what the history shows; it is an identity's name, never a key. ``address`` is where it calls from."""

    name: str
    role: Role
    address: str = ""

    def require(self, role: Role) -> None:
        """Raise Forbidden unless the principal has this role, or one that includes it."""
        if not self.role.includes(role):
            raise Forbidden(
                f"This needs the role {role}; '{self.name}' has the role {self.role}.",
                remedy="Ask an administrator for the role, or to do it for you.",
            )

    def may_use(self, connection: Connection) -> bool:
        """Tell whether the principal may export over this connection."""
        if self.role is Role.ADMINISTRATOR:
            return True
        return self.role is Role.CONTRIBUTOR and connection.shared_with is Sharing.CONTRIBUTORS

    def require_use(self, connection: Connection | None) -> None:
        """Raise Forbidden unless the principal may manage exports over the connection; None = a detached export."""
        self.require(Role.CONTRIBUTOR)
        if connection is not None and not self.may_use(connection):
            raise Forbidden(
                f"The connection '{connection.display_name}' is for administrators only.",
                remedy="Ask an administrator to share the connection with contributors.",
            )


def system(name: str) -> Principal:
    """The app itself, acting for ``name``: a schedule, an upload."""
    return Principal(name, Role.ADMINISTRATOR)
