"""The tools that a sweep can be sent to."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Protocol, cast

from lps_sweep.errors import BadInputError
from lps_sweep.tracking.history import TrialHistory

_TRACKERS = {
    "tensorboard": ("TensorBoardTracker", "tensorboardX"),
    "wandb": ("WandbTracker", "wandb"),
    "mlflow": ("MlflowTracker", "mlflow"),
}
"""Class in the module of the same name, and the package that it needs."""

FORMATS = tuple(_TRACKERS)


class Tracker(Protocol):
    """Sends trials to a tool.

    A new tracker takes over what an earlier one has sent to the same place: nothing is missing
    and nothing is there twice, whenever the earlier one ended.
    """

    def update(self, trial: TrialHistory) -> int:
        """Sends what is new of `trial`; the number of epochs sent."""

    def close(self) -> None:
        """Sends what is left in buffers."""


def open_tracker(format_: str, place: str) -> Tracker:
    """The tracker of a tool.

    Args:
        format_: One of `FORMATS`.
        place: Folder of ``tensorboard``; ``project`` or ``entity/project`` of ``wandb``; tracking
            URI of ``mlflow``.

    Raises:
        BadInputError: Its package is not installed.
    """
    name, package = _TRACKERS[format_]
    if importlib.util.find_spec(package) is None:
        raise BadInputError(
            f"{format_} needs the package {package}: pip install {package}", "--format"
        )
    module = importlib.import_module(f"lps_sweep.tracking.{format_}")
    return cast(Tracker, getattr(module, name)(place))
