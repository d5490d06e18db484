from __future__ import annotations

from pathlib import Path

import pytest

import lps_sweep.results
from tests.results.sweep_cases import run_python

MODULES = sorted(p.stem for p in Path(lps_sweep.results.__file__).parent.glob("*.py"))


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    ran = run_python(code)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.split())


def test_the_front_door_loads_nothing_heavy() -> None:
    loaded = loaded_after("from lps_sweep.results import Ledger, driver_alive")
    assert "sqlite3" in loaded
    assert loaded.isdisjoint({"torch", "ray", "pandas", "scipy"})


def test_no_module_loads_torch_or_ray() -> None:
    assert len(MODULES) > 15
    names = "\n".join(f"import lps_sweep.results.{name}" for name in MODULES if name != "__init__")
    loaded = loaded_after(names)
    assert {"pandas", "scipy"} <= loaded
    assert loaded.isdisjoint({"torch", "ray", "plotly"})


def test_every_public_name_is_there() -> None:
    for name in lps_sweep.results.__all__:
        assert getattr(lps_sweep.results, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = lps_sweep.results.nonsense
