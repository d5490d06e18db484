"""RankStats, or AutoNovel (Han et al., 2020). The front door loads no torch."""

from lps_sweep.methods.rankstats.config import RankStatsConfig

__all__ = ["RankStatsConfig"]
