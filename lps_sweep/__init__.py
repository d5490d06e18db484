"""Hyper-parameter and ablation sweeps of LPS (Learning Pace Synchronization, IJCAI 2024)."""

__version__ = "0.1.0"
