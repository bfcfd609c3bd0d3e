"""Who is at the other end of a connection, and which dialect it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moobius.local.wire.dialects import Dialect


@dataclass
class Speaker:
    """What is known of one connection; its session fills it in, hub and log read it.

    Attributes:
        connection_id: Tells connections apart in the log.
        user: The user it acts as, or empty.
        account: The account whose services it may speak for, or empty.
        services: The services it logged in, in that order.
        dialect: What it is answered in.
        is_fixed: Whether it chose its dialect itself, so that no frame of it changes that.
        holder: The program that restarts its services and tells when they are ready (see
            `holding.py`), or empty.
    """

    connection_id: str
    user: str = ""
    account: str = ""
    services: list[str] = field(default_factory=list)
    dialect: Dialect = Dialect.D2
    is_fixed: bool = False
    holder: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it has logged in."""
        return bool(self.user or self.account)

    @property
    def names(self) -> Mapping[str, str]:
        """Who this is, for a line of the log."""
        service = self.services[-1] if self.services else ""
        return {
            "conn": self.connection_id,
            "user": self.user,
            "account": self.account,
            "service": service,
        }

    def heard(self, dialect: Dialect | None) -> bool:
        """Take over the dialect that a frame gives away; return whether it is a new one.

        Only an older dialect is taken over: a client of D0 also sends what D1 and D0 share, so a
        sign of D1 says nothing against D0.
        """
        if dialect is None or self.is_fixed or dialect >= self.dialect:
            return False
        self.dialect = dialect
        return True
