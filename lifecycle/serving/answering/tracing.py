"""Traces, where they are asked for: each prediction as a span of OpenTelemetry, sent over OTLP/HTTP off the path of any request.

A span joins the trace of its caller (W3C Trace Context), and says which model was asked, and what it was told. Needs the extra `traces`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle import __version__
from lifecycle.serving.answering.onlookers import Seen

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter


class Tracer:
    """One worker's. Spans that the collector takes too slowly are dropped by the exporter, and never waited for."""

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "lifecycle-gateway", "service.version": __version__}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("lifecycle.serving")
        self._context_of = TraceContextTextMapPropagator().extract

    @classmethod
    def to(cls, url: str) -> Tracer:
        """Sends spans to a collector, such as `http://127.0.0.1:4318/v1/traces`."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return cls(OTLPSpanExporter(endpoint=url))

    def saw(self, seen: Seen) -> None:
        """Makes a span of a prediction; the rest of what is asked is nobody's trace."""
        place = seen.place
        if place is None or place.resource != "infer":
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode

        parent = None if seen.traceparent is None else self._context_of({"traceparent": seen.traceparent.decode("latin-1")})
        attributes: dict[str, str | int] = {
            "http.request.method": seen.method,
            "http.response.status_code": seen.status,
            "lifecycle.model": place.model,
            **({} if place.version is None else {"lifecycle.version": place.version}),
            **({} if seen.grant_id is None else {"lifecycle.grant_id": seen.grant_id}),
        }
        span = self._tracer.start_span(
            f"infer {place.model}", parent, kind=SpanKind.SERVER, attributes=attributes, start_time=seen.at_us * 1_000
        )
        if seen.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end((seen.at_us + seen.duration_us) * 1_000)

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()
