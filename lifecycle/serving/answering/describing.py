"""What a gateway says of itself: what it is, whether it is ready, and what its models take and answer."""

from __future__ import annotations

from lifecycle import __version__
from lifecycle.serving.answering.binary_tensors import EXTENSION
from lifecycle.serving.answering.openapi import document
from lifecycle.serving.answering.paths import Place
from lifecycle.serving.answering.protocol import as_bytes, format_metadata
from lifecycle.serving.answering.replies import Reply
from lifecycle.serving.answering.router import Router
from lifecycle.serving.failures import RequestRefused


def server() -> Reply:
    """The server's name, version and extensions."""
    return Reply(as_bytes({"name": "lifecycle", "version": __version__, "extensions": [EXTENSION]}))


def live() -> Reply:
    """It answers, so it lives."""
    return Reply(as_bytes({"live": True}))


def ready(is_ready: bool) -> Reply:
    """Whether requests are answered."""
    return Reply(as_bytes({"ready": is_ready}), 200 if is_ready else 503)


def models(router: Router) -> Reply:
    """The names of the models that are served."""
    return Reply(as_bytes({"models": sorted(router.names)}))


def openapi() -> Reply:
    """How all of it is asked."""
    return Reply(as_bytes(document()))


def model(router: Router, place: Place) -> Reply:
    """What a model takes and answers, or that it is ready. Raises RequestRefused (404) where it does not serve."""
    name = router.named(place.model)
    route = router.route(name)
    versions = [number for number in (route.champion, route.canary) if number]
    schemas = router.schemas(name)
    if schemas is None or (place.version is not None and place.version not in versions):
        raise RequestRefused(f"The model {name.name} has no such version in service.", status=404)
    if place.resource == "model_ready":
        return Reply(as_bytes({"name": name.name, "ready": True}))
    return Reply(format_metadata(name.name, versions, schemas))
