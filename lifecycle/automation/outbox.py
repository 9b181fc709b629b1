"""What tells a receiver of lineage by the clock what happened since."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from lifecycle.errors import LifecycleError
from lifecycle.records.counted import counted
from lifecycle.resources import LifecycleResource

#: How often it looks, and how long one look may take: the daemon gives up on a sensor after 60 s.
SECONDS_BETWEEN, SECONDS_EACH = 30, 20.0


def lineage_outbox() -> dg.SensorDefinition:
    """New records → OpenLineage events over HTTP. A receiver that is down is left alone for a while, and then told everything."""

    @dg.sensor(
        name="audit_lineage_outbox",
        minimum_interval_seconds=SECONDS_BETWEEN,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends OpenLineage events to LIFECYCLE_OPENLINEAGE_URL, each once. Does nothing where that is not set.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> dg.SkipReason:
        from lifecycle.life.sending import rests_until_us, send_lineage
        from lifecycle.lineage.sending import Patience
        from lifecycle.records.identity import now_us

        departments = lifecycle.departments()
        if departments.settings.openlineage_url is None:
            return dg.SkipReason("LIFECYCLE_OPENLINEAGE_URL is not set: lineage is sent nowhere")
        try:
            rests = rests_until_us(departments)
            if rests > now_us():
                until = datetime.fromtimestamp(rests / 1_000_000, UTC)
                return dg.SkipReason(f"{departments.settings.openlineage_url} was not reached; it is tried again at {until:%H:%M:%S} UTC")
            sent = send_lineage(departments, Patience(attempts=1, seconds=SECONDS_EACH))
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        refused = f", refused {len(sent.refused)}" if sent.refused else ""
        took, wait = counted(sent.accepted, "run event"), counted(sent.waiting, "record waits", "records wait")
        return dg.SkipReason(f"{sent.url} took {took}{refused}; {wait}")

    return sensor
