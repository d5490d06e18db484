"""A sweep in other people's tools, one run per trial, written from the rows of the ledger.

It reads the ledger as any report does, so no service can stop or slow a sweep, and what a crash
or a lost connection kept back is sent the next time.
"""

from lps_sweep.tracking.history import SweepHistory, read_history
from lps_sweep.tracking.trackers import Tracker, open_tracker

__all__ = ["SweepHistory", "Tracker", "open_tracker", "read_history"]
