"""Access tokens of the local managed identity: signed, so they outlive a restart of the vault."""

import time
from dataclasses import dataclass

import jwt

LIFETIME_S = 24 * 3600  # what managed identities get in Azure
TENANT = "00000000-0000-0000-0000-000000000000"
IDENTITY = "00000000-0000-0000-0000-000000000001"


@dataclass(frozen=True)
class TokenIssuer:
    """Issues and checks bearer tokens for one audience each."""

    key: bytes

    def issue(self, audience: str) -> tuple[str, int]:
        """Return a token for `audience` and the Unix second at which it expires."""
        now = int(time.time())
        expires = now + LIFETIME_S
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now,
            "exp": expires,
            "oid": IDENTITY,
            "tid": TENANT,
        }
        return jwt.encode(claims, self.key, algorithm="HS256"), expires

    def is_valid(self, token: str, audience: str) -> bool:
        try:
            jwt.decode(token, self.key, algorithms=["HS256"], audience=audience)
        except jwt.InvalidTokenError:
            return False
        return True
