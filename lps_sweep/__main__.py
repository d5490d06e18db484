"""``python -m lps_sweep``."""

import sys

from lps_sweep.cli import main

sys.exit(main())
