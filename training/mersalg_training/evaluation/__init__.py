"""A bundle on a later window, beside baselines, on the same requests."""

from typing import Final

QUERIES: Final = 2000
"""Most requests of a task."""
