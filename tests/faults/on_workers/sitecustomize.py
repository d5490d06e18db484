"""On the path of a Ray worker: the trainer is a stand-in, or the real one with a witness.

Which, says the environment variable LPS_TRAINER: ``fake`` or ``real``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any


class Finder:
    """Finds `lps_sweep.train`, once, and changes what it hands out."""

    def find_spec(self, name: str, *_: object) -> Any:
        """A spec for that one module, and none for others."""
        if name != "lps_sweep.train":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            if "tests.faults.fake_train" in sys.modules:
                return  # it has asked for this module: a process of the tests, which trains nothing
            from tests.faults import fake_train

            if os.environ["LPS_TRAINER"] == "fake":
                fake_train.replace_trainer()
            else:
                module.train_pack = fake_train.train_in_truth

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "LPS_TRAINER" in os.environ:
    sys.meta_path.insert(0, Finder())
