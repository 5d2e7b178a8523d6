"""Credentials for a TURN server that share only a secret with it: coturn's `use-auth-secret`."""

import hmac
from base64 import b64encode
from hashlib import sha1


def credentials(secret: str, name: str, now: float, lifetime: float) -> tuple[str, str]:
    """A username and credential that the server accepts until `now + lifetime` (Unix seconds).

    `name` appears in the server's logs. ValueError if it holds a colon, which would make the expiry ambiguous.
    Source: draft-uberti-behave-turn-rest-00, section 2.2.
    """
    if ":" in name:
        raise ValueError("a TURN user's name may not hold a colon")
    username = f"{int(now + lifetime)}:{name}"
    return username, b64encode(hmac.digest(secret.encode(), username.encode(), sha1)).decode()
