"""On the path of a Ray worker: the trainer is a stand-in, or the real one with a witness.

Which, says the environment variable LPS_TRAINER: ``fake`` or ``real``.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from typing import Any


class Finder:
    """Finds `lps_sweep.train`, once, in its own way."""

    def find_spec(self, name: str, *_: object) -> Any:
        """A spec for that one module, and none for others."""
        if name != "lps_sweep.train":
            return None
        sys.meta_path.remove(self)
        if os.environ["LPS_TRAINER"] == "fake":
            return importlib.machinery.ModuleSpec(name, Fake(), is_package=True)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            from tests.faults.fake_train import witnessed

            run(module)
            train_pack = module.train_pack
            module.train_pack = lambda *given: witnessed(train_pack, *given)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


class Fake(importlib.abc.Loader):
    """Loads the stand-in."""

    def create_module(self, spec: object) -> Any:
        """The stand-in itself."""
        del spec
        from tests.faults import fake_train

        fake_train.bring_submodules()
        return fake_train

    def exec_module(self, module: object) -> None:
        """Nothing is left to do."""


if "LPS_TRAINER" in os.environ:
    sys.meta_path.insert(0, Finder())
