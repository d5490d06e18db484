"""For Tune scripts of one's own: `trainable`, which `ray.tune.Tuner` takes."""

from lps_sweep.sweep.ray.trainable import trainable

__all__ = ["trainable"]
