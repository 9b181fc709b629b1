"""What became of the answers of a version that was taken out."""

from __future__ import annotations

from pydantic import Field

from lifecycle.records.bodies.body import Body
from lifecycle.records.record import Count, Digest, Microseconds, Version, is_none


class DecisionsRecalled(Body):
    """Every decision that a version told a caller, and that the log of one home has, was looked at again.

    `rescored` are those that the version of now answered, of the values that were kept; `differing`, those of them that it decides
    otherwise. The others could not be: what was asked was `erased`, or is not what was committed to or sealed (`altered`), or
    nothing serves now or does not take it (`not_taken`). `unread` were sealed and are not in this home.
    """

    #: From when on decisions were looked at; None for all.
    since_us: Microseconds | None = Field(default=None, exclude_if=is_none)
    #: The version that serves now, where one does.
    by_version: Version | None
    by_digest: Digest | None
    decisions: Count
    rescored: Count
    differing: Count
    erased: Count
    altered: Count
    not_taken: Count
    unread: Count
    #: Of the list of those that differ (`lifecycle.recall/1`), which has no personal value.
    list_digest: Digest

    @property
    def whole(self) -> bool:
        """Whether each of its decisions was found as it was sealed, as far as what was sealed tells."""
        return not self.altered and not self.unread
