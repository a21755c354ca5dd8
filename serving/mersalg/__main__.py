"""`python -m mersalg` is the command `mersalg`."""

from __future__ import annotations

import sys

from mersalg.cli import main

if __name__ == "__main__":
    sys.exit(main())
