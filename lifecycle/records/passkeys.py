"""What is recorded of a passkey: where it speaks, and what its authenticator adds to a signature.

Web Authentication Level 2 (w3.org/TR/webauthn-2): an authenticator signs `authenticator_data ‖ SHA-256(client_data)`. The browser
wrote the client data, which holds the challenge that was asked for and the origin of the page that asked.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from lifecycle.records.record import Record

#: Base64url without padding, as browsers write it. An authenticator gives a credential an id of at most 1,023 bytes.
CredentialId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,1364}$")]
#: A domain without its port: only pages of it may ask the passkey.
RelyingParty = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
#: Scheme, host and, where it is not the scheme's own, port, as browsers write them.
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?$")]


class Passkey(Record):
    """Where a passkey speaks. It counts at the origin that it was enrolled at and nowhere else.

    A relying party says less: every port of `localhost`, and every host below a domain, is the same one.
    """

    credential_id: CredentialId
    rp_id: RelyingParty
    origin: Origin


class Assertion(Record):
    """What an authenticator signed beside the challenge, in base64; the signature itself stands in the envelope."""

    authenticator_data: str
    client_data: str
