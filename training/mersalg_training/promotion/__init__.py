"""From challenger to champion: two bundles on the same later window, the decision, and its record in the registry.

Where to read: `window` (the requests of a span that neither has learned from), `measure` (what each makes of them, the
difference request by request), `promises` (whether relevances and certificates hold), `cost` (time and size),
`decision` (what is worse, what is better), `judge` (all of it), `record` (who is champion and why, as tags), `registry`
(the order in which that is written, and the way back), `versions` (all versions, for `mersalg runs`).
"""

from typing import Final

REQUESTS: Final = 4000
"""Most requests of a comparison, unless it is told otherwise."""
MIN_REQUESTS: Final = 20
"""Fewer compare nothing."""
MARGIN: Final = 0.05
"""A figure may lie by so much of the champion's below it."""
COST_MARGIN: Final = 0.25
"""An answer may take so much longer, and a bundle be so much larger."""
