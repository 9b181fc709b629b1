"""To which arm a request belongs: by its routing key, or by chance. What is drawn for a request is drawn once."""

from __future__ import annotations

import secrets
from hashlib import blake2b

from lifecycle.records.rollout import Arm
from lifecycle.serving.access.refusing import AccessRefused
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.protocol import InferRequest
from lifecycle.serving.answering.routes import Route


def arm_of(route: Route, routing_key: str) -> Arm:
    """The arm that a request belongs to: hold-out, canary or champion."""
    if route.holdout and draw(routing_key, route.holdout_salt) < route.holdout_weight:
        return "holdout"
    return "canary" if route.canary and not route.copies and draw(routing_key, route.salt) < route.weight else "champion"


def arm_for(request: InferRequest, name: ServedName, route: Route, arm: Arm) -> Arm:
    """The arm that a caller gets who may ask these versions: the one that was drawn, or the champion.

    Raises AccessRefused for who may not ask the champion; or the canary, where there is no champion yet.
    """
    champion, canary = name.loaded.get(route.champion), name.links.get(route.canary)
    first = champion or canary
    if first is not None and not request.may_be_answered_by(first.digest):
        raise AccessRefused(f"This access is not for {name.name}.", "not_allowed", 403)
    drawn = canary if arm == "canary" else name.loaded.get(route.holdout) if arm == "holdout" else None
    return arm if drawn is not None and request.may_be_answered_by(drawn.digest) else "champion"


def draw(routing_key: str, salt: bytes) -> int:
    """A draw of 32 bits: the same for a key throughout one rollout, and unrelated from one rollout to the next."""
    if not routing_key:
        return secrets.randbits(32)
    return int.from_bytes(blake2b(routing_key.encode("utf-8", "surrogatepass"), digest_size=4, key=salt).digest(), "big")
