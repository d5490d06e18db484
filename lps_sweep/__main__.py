"""``python -m lps_sweep``."""

import signal
import sys
from pathlib import Path

# Until `main` takes the signals, Ctrl-C ends the process as it ends any other: without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Python looks for modules in the working folder first. That may be a results folder of somebody
# else, whose files are no code of ours; only a checkout that is run from its own root needs it.
if sys.path and Path(sys.path[0]).absolute() != Path(__file__).absolute().parent.parent:
    sys.path.pop(0)

from lps_sweep.cli import main

sys.exit(main())
