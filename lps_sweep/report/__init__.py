"""Report: a sweep's tables and its offline HTML page.

Importing this package loads neither pandas nor plotly.
"""

from __future__ import annotations

from lps_sweep.report.build import build_report, write_tables

__all__ = ["build_report", "write_tables"]
