"""Hyper-parameter and ablation sweeps of LPS (Learning Pace Synchronization, IJCAI 2024)."""

import os

__version__ = "0.1.0"

TELEMETRY_OFF = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
}
"""Nobody is counted: variables by which dependencies tell their makers nothing, for this process
and those that it starts. One that is set already stays as it is."""

for _name, _value in TELEMETRY_OFF.items():
    os.environ.setdefault(_name, _value)  # here, since they read it when they are imported
