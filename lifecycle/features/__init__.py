"""From raw columns to the numbers that a network takes: fitted once, kept as plain data, the same in training and serving.

Needs numpy only, so that the gateway loads neither pandas nor torch.
"""

from __future__ import annotations

from lifecycle.features.columns import CategoryColumn, NumberColumn, UnknownCategories
from lifecycle.features.encoding import Columns, FeatureRefused
from lifecycle.features.preprocessor import Preprocessor

__all__ = ["CategoryColumn", "Columns", "FeatureRefused", "NumberColumn", "Preprocessor", "UnknownCategories"]
