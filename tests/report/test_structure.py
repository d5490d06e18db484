"""What holds for every figure and table of the report, whatever the sweep is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from lps_sweep.report.drawings import Drawing, draw_all, to_data_csv
from lps_sweep.report.model import Figure, Section, Table, unique_tables
from lps_sweep.report.page import lead_figure
from lps_sweep.report.pages import all_sections
from lps_sweep.report.pages.overview import summarise
from lps_sweep.report.render.html import to_html
from lps_sweep.results import Json, SweepView, load_view
from tests.report.artefact_cases import with_artefacts
from tests.report.frozen_cases import FINISHED, SWEEPS
from tests.report.report_cases import ARMS, PAPER, ablation_record, make_ledger, record

LONGEST = 260
"""Characters of a caption: about two lines."""
WIDE: dict[str, list[Json]] = {"C": [1, 5, 10], "tau": [0.2, 0.4]}
METHODS: dict[str, dict[str, Json]] = {"lps": {"method": "lps"}, "orca": {"method": "orca"}}
FATES = {(1, 0.2, 0): "failed", (5, 0.2, 1): "diverged", (1, 0.4, 0): "stopped"}
MADE = {
    "paper": record(WIDE, settings=PAPER, margin=0.5),
    "broken": record(WIDE, margin=0.5),
    "nothing": record(WIDE, margin=0.5),
    "failed": ablation_record(margin=0.5),
    "arms": ablation_record(margin=0.5),
    "methods": record({"arm": list(METHODS)}, settings=PAPER, defaults={"arm": "lps"}),
    "counts": record({"novel_classes": [1, 0]}, defaults={"novel_classes": 0}),
    "freezing": record({"frozen_through": ["stage3", "none"]}, settings=PAPER),
    "one seed": record({"C": [1, 10], "tau": [0.2, 0.4]}, [0]),
    "twelve seeds": record({"C": [1, 10]}, range(12)),
    "one level": record({"C": [10]}),
    "one configuration": record({}),
    "default not planned": record({"C": [1, 5], "tau": [0.2, 0.3]}),
    "lists": record({"seen_classes": [[0, 1], [2, 3]]}),
    "switches": record({"concat_views": [False, True]}),
}
"""Made sweeps; what is lost of them stands in `made`."""
EMPTY = frozenset({"nothing", "failed"})
LEADS = {
    "net_grid": "forest_figure",
    "net_arms": "ablation_figure",
    "net_search": "search_history",
    "net_front": "search_front",
    "net_one": "freezing_figure",
}
"""The figure of the first screen of a sweep."""
CASES = (*MADE, *SWEEPS)


def made(name: str, folder: Path) -> SweepView:
    """One of `MADE`, or of the frozen sweeps."""
    if name in SWEEPS:
        return load_view(shutil.copytree(FINISHED, folder / "results"), name)
    sweep = MADE[name]
    if name == "arms":
        return load_view(with_artefacts(folder, sweep), sweep.name)
    fates = FATES if name == "broken" else None
    otherwise = {"nothing": "not_run", "failed": "failed"}.get(name, "done")
    arms = METHODS if name == "methods" else ARMS
    make_ledger(folder, sweep, fates, epochs=2, otherwise=otherwise, arms=arms)
    return load_view(folder, sweep.name)


_READ: dict[str, tuple[SweepView, list[Section], Sequence[Drawing]]] = {}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    read_case(str(request.param), tmp_path_factory)
    return str(request.param)


def read_case(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Read a case, but once."""
    if name not in _READ:
        view = made(name, tmp_path_factory.mktemp("case"))
        sections = all_sections(view)
        _READ[name] = (view, sections, draw_all(sections))


def test_slugs_are_unique_and_plain(case: str) -> None:
    view, sections, _ = _READ[case]
    tables = [*summarise(view, sections).tables, *unique_tables(sections)]
    figures = [figure for section in sections for figure in section.figures]
    for parts in (sections, tables, figures):
        slugs = [part.slug for part in parts]
        assert len(set(slugs)) == len(slugs)
        assert all(slug == slug.strip() and " " not in slug for slug in slugs)
    for table in tables:
        keys = [key for column in table.columns for key in column.keys]
        assert len(set(keys)) == len(keys), table.slug
        assert all(column.label for column in table.columns)


def test_captions_are_short_and_are_sentences(case: str) -> None:
    _, sections, _ = _READ[case]
    parts: list[Figure | Table] = []
    for section in sections:
        parts += [*section.figures, *section.tables]
    for part in parts:
        assert 0 < len(part.caption) <= LONGEST, part.slug
        assert part.caption.endswith("."), part.slug


def test_figures_show_data_that_a_table_has(case: str) -> None:
    _, sections, drawings = _READ[case]
    tables = {table.slug for table in unique_tables(sections)}
    for figure in (figure for section in sections for figure in section.figures):
        assert figure.data in tables, figure.slug
        assert figure.title
        panels = [drawing for drawing in drawings if drawing.figure is figure]
        assert panels, figure.slug
        for panel in panels:
            assert panel.panel.description, panel.name
            assert panel.panel.figure.data, "Plotly knows all that is drawn"
            rows = to_data_csv(panel).splitlines()
            assert len(rows) > 1, panel.name


def test_bars_are_named_and_stay_in_percent(case: str) -> None:
    """Who draws error bars says in the legend or the caption what they are."""
    _, _, drawings = _READ[case]
    for drawing in drawings:
        figure = drawing.figure
        words = f"{figure.caption} {' '.join(key.label for key in figure.keys)}".lower()
        for trace in drawing.data:
            bars = [trace[axis] for axis in ("error_x", "error_y") if axis in trace]
            if any(length is not None for bar in bars for length in bar["array"]):
                assert "interval" in words or "range" in words, drawing.name
            if "sd" in (trace.get("meta") or ()):
                ends = zip(trace["y"], trace["error_y"]["array"], strict=True)
                assert all(up is None or y + up <= 100.0001 for y, up in ends), drawing.name


def test_intervals_of_tables_say_what_they_are_and_counts_stand_beside_means(case: str) -> None:
    view, sections, _ = _READ[case]
    tables = [*summarise(view, sections).tables, *unique_tables(sections)]
    for table in tables:
        kinds = {column.kind for column in table.columns}
        for column in table.columns:
            if column.kind == "interval":
                words = f"{column.label} {table.caption} {table.notes}".lower()
                assert "interval" in words or "expected" in words, (table.slug, column.key)
        if "mean_sd" in kinds or "interval" in kinds:
            keys = {column.key.rpartition("_")[2] for column in table.columns}
            alone = table.slug.startswith(("effect", "variance", "search_importance"))
            assert alone or keys & {"n", "levels", "ended"}, table.slug


def test_each_kind_of_sweep_has_its_picture(case: str) -> None:
    lead = lead_figure(_READ[case][1])
    assert case not in LEADS or (lead and lead.slug == LEADS[case])
    assert case not in EMPTY or lead is None


def test_every_trial_drawn_is_planned(case: str) -> None:
    view, _, drawings = _READ[case]
    known = set(view.trials["trial_id"])
    for drawing in drawings:
        for trace in drawing.data:
            assert {trial for trial in trace.get("ids") or () if trial} <= known, drawing.name


def test_metrics_are_facets_of_panels_and_columns(case: str) -> None:
    _, sections, drawings = _READ[case]
    found = {drawing.panel.facets.get("metric") for drawing in drawings}
    assert found <= {None, "seen", "novel", "all"}
    for table in unique_tables(sections):
        for column in table.columns:
            if column.key in {"acc_seen", "acc_novel", "acc_all"}:
                assert column.facets.get("metric") == column.key.removeprefix("acc_"), table.slug


def test_no_cell_is_printed_as_no_number(case: str) -> None:
    view, sections, _ = _READ[case]
    for table in [*summarise(view, sections).tables, *unique_tables(sections)]:
        assert not re.search(r">\s*(nan|None|inf)\s*<", to_html(table)), table.slug


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_nothing_done_draws_no_value(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    read_case(name, tmp_path_factory)
    sections = _READ[name][1]
    drawn = {figure.slug for section in sections for figure in section.figures}
    assert not {slug for slug in drawn if slug.startswith(("sens", "forest", "abl", "counts"))}
    said = [text for section in sections for text in section.findings]
    assert all(text.strip() for text in said)


@pytest.mark.parametrize(
    ("name", "rare"),
    [
        ("broken", {"failure_rates", "error_kinds", "incomplete", "stopped"}),
        ("methods", {"main_against_paper", "main_cost"}),
    ],
)
def test_rare_tables_are_among_the_cases(
    name: str, rare: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    read_case(name, tmp_path_factory)
    assert rare <= {table.slug for table in unique_tables(_READ[name][1])}


def test_two_tables_of_one_name_are_refused() -> None:
    table = Table("t", "T.", (), ())
    with pytest.raises(ValueError, match="two tables"):
        unique_tables([Section("a", "A", (table,)), Section("b", "B", (table,))])
