"""`python benchmarks/serving`: one thread for every library, which they read when they are loaded, then the command."""

import os
import sys

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from command import main  # noqa: E402  # loads those libraries

if __name__ == "__main__":
    sys.exit(main())
