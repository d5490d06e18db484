"""TensorBoard event files: a folder per trial, scalars by epoch, the HParams table."""

from __future__ import annotations

from pathlib import Path

from tensorboardX import FileWriter, SummaryWriter
from tensorboardX.summary import hparams

from lps_sweep.files import make_folder
from lps_sweep.tracking.history import TrialHistory


class TensorBoardTracker:
    """Writes event files into ``PLACE/<trial_id>/``, those of an earlier tracker anew.

    Args:
        place: A folder, made if missing.
    """

    def __init__(self, place: str) -> None:
        self._place = Path(place)
        self._writers: dict[str, SummaryWriter] = {}
        self._sent: dict[str, int] = {}
        self._ended: set[str] = set()

    def update(self, trial: TrialHistory) -> int:
        """See `Tracker.update`."""
        if trial.trial_id in self._ended:
            return 0
        writer = self._writer(trial)
        new = {e: m for e, m in trial.epochs.items() if e > self._sent[trial.trial_id]}
        for epoch, metrics in new.items():
            for name, value in metrics.items():
                writer.add_scalar(name, value, epoch)
            self._sent[trial.trial_id] = epoch
        if trial.ended:
            self._end(writer.file_writer, trial)
            del self._writers[trial.trial_id]
            writer.close()
            self._ended.add(trial.trial_id)
        else:
            writer.flush()
        return len(new)

    def close(self) -> None:
        """See `Tracker.close`."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, trial: TrialHistory) -> SummaryWriter:
        if trial.trial_id not in self._writers:
            folder = self._place / trial.trial_id
            make_folder(folder)
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
            writer = SummaryWriter(str(folder), write_to_disk=True)
            writer.add_text("trial", f"{trial.sweep}: {trial.name}")
            self._writers[trial.trial_id] = writer
            self._sent[trial.trial_id] = 0
        return self._writers[trial.trial_id]

    def _end(self, file: FileWriter, trial: TrialHistory) -> None:
        """The row of the HParams table, which lists done trials by their final metrics."""
        values = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in trial.config.items()
        }
        names = [f"final/{name}" for name in trial.final]
        for summary in hparams({**values, "status": trial.status}, dict.fromkeys(names, 0.0)):
            file.add_summary(summary)
        last = max(trial.epochs, default=0)
        for name, value in trial.final.items():
            self._writers[trial.trial_id].add_scalar(f"final/{name}", value, last)
