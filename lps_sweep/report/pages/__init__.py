"""The pages of the report: each module here offers ``ORDER`` and ``sections(view)``.

A new page is a new file; nothing else is edited. ``sections`` gives a list that may be empty
where the sweep has nothing for it; its figures are drawn later, and only for the HTML report.

In a notebook::

    view = load_view(Path("results"), "c_tau")
    for section in lps_sweep.report.pages.parameter.sections(view):
        for figure in section.figures:
            for panel in figure.draw():
                panel.figure.show()
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TYPE_CHECKING

from lps_sweep.report.model import Section

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView


def page_modules() -> list[ModuleType]:
    """The modules that offer sections, by ``ORDER``, then by name."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return sorted((m for m in modules if hasattr(m, "ORDER")), key=lambda m: int(m.ORDER))


def all_sections(view: SweepView) -> list[Section]:
    """All sections of `view`, in the order of the report."""
    return [section for module in page_modules() for section in module.sections(view)]
