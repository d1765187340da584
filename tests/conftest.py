"""For all tests: numpy with one thread, as the `dice` command runs it; read before anything imports numpy."""

from __future__ import annotations

import os
import sys

if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
