"""How good a take is: plausible by itself, and against a ground truth.

The definitions are those of Decaf (Shimada et al. 2023) and DICE (Wu et al., ICLR 2025), so that their published
numbers can be compared.
"""

from dice_core.metrics.measure import measure, measure_tracking, summarise
from dice_core.metrics.report import format_metrics, format_table, format_touch

__all__ = ["format_metrics", "format_table", "format_touch", "measure", "measure_tracking", "summarise"]
