from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.figures.effects import effect_info
from lps_sweep.report.figures.effects import finding as effect_finding
from lps_sweep.report.figures.forest import finding as forest_finding
from lps_sweep.report.figures.forest import forest_rows
from lps_sweep.report.figures.freezing import sections as freezing_sections
from lps_sweep.report.figures.grid import sections as grid_sections
from lps_sweep.report.figures.interaction import sections as interaction_sections
from lps_sweep.report.figures.sensitivity import draw_slice, sections
from lps_sweep.report.figures.slice_tables import difference_table
from lps_sweep.report.figures.slices import finding, slice_info
from lps_sweep.report.section import Figure, Section
from lps_sweep.results import SweepView, load_view
from tests.report.report_cases import C_TAU, PAPER, SETTINGS, make_ledger, record

FATES = {(1, 0.4, 0): "failed", (5, 0.4, 1): "stopped", (5, 0.4, 2): "not_run"}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    folder = tmp_path_factory.mktemp("results")
    sweep = record(C_TAU, margin=0.5)
    return load_view(make_ledger(folder, sweep, FATES, epochs=2), "c_tau")


def captions(found: list[Section]) -> dict[str, str]:
    blocks = [block for section in found for block in section.blocks]
    return {block.slug: block.caption for block in blocks if isinstance(block, Figure)}


def test_captions_say_where_and_of_how_many_and_what_is_left_out(view: SweepView) -> None:
    found = captions([*sections(view), *grid_sections(view), *interaction_sections(view)])
    where = "Setting: digits, 50\u00a0% labeled, small_cnn frozen through stage3, 20 epochs"
    assert len(found) == 4
    for name, caption in found.items():
        assert where in caption, name
        assert "values after the last epoch of done trials" in caption, name
    assert (
        "n 1 to 3; 3 of 15 planned trials are not done and left out."
        in found["sensitivity_C_figure"]
    )
    assert found["sensitivity_tau_figure"].endswith("; n 3 each.")
    assert "3 of 75 planned trials are not done" in found["grid_C_tau_figure"]


def test_the_caption_of_the_residuals_says_it_too(tmp_path: Path) -> None:
    sweep = record({"C": [1, 10], "tau": [0.2, 0.4]})
    found = interaction_sections(load_view(make_ledger(tmp_path, sweep, epochs=1), "c_tau"))
    caption = captions(found)["residuals_C_tau_figure"]
    assert caption.endswith("20 epochs; values after the last epoch of done trials; n 3 each.")


def test_a_freezing_caption_leaves_the_swept_parameter_out(tmp_path: Path) -> None:
    sweep = record({"frozen_through": ["stage3", "none"]}, settings=PAPER, name="freezing")
    made = load_view(make_ledger(tmp_path, sweep, epochs=1), "freezing")
    caption = captions(freezing_sections(made))["freezing_figure"]
    assert "CIFAR-10, 50\u00a0% labeled, resnet18, 200 epochs" in caption


def test_the_band_is_the_margin_around_the_default(view: SweepView, tmp_path: Path) -> None:
    info = slice_info(view, "C")
    for panel, metric in zip(draw_slice(info), ("acc_seen", "acc_novel", "acc_all"), strict=True):
        (band,) = [s for s in panel.figure.layout.shapes if s.type == "rect"]
        mean = info.cells[2].mean(metric)
        assert mean is not None
        assert (band.y0, band.y1) == pytest.approx((mean - 0.5, mean + 0.5), abs=1e-4)
    assert "declared margin of 0.5 points" in captions(sections(view))["sensitivity_C_figure"]
    bare = load_view(make_ledger(tmp_path, record({"C": [1, 10]}), epochs=1), "c_tau")
    shapes = draw_slice(slice_info(bare, "C"))[0].figure.layout.shapes
    assert [shape.type for shape in shapes] == ["line"]
    assert "margin" not in captions(sections(bare))["sensitivity_C_figure"]


@pytest.mark.parametrize(
    ("levels", "kind"),
    [([0.0001, 0.001, 0.01], "log"), ([1, 5, 20], "linear"), ([0, 0.001, 1.0], "linear")],
)
def test_wide_levels_start_on_a_logarithmic_axis(
    levels: list[Any], kind: str, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "weight_decay": levels[1]}
    made = make_ledger(tmp_path, record({"weight_decay": levels}, settings=settings), epochs=1)
    panel = draw_slice(slice_info(load_view(made, "c_tau"), "weight_decay"))[0]
    layout = panel.figure.layout
    assert layout.xaxis.type == kind
    assert list(layout.xaxis.tickvals) == [float(level) for level in levels]
    means = next(t for t in panel.figure.data if t.error_y.array is not None)
    assert len(set(means.x)) == 3
    assert all(low < at for low, at in zip(levels, means.x, strict=True))
    if kind == "log":
        menu = layout.updatemenus[0]
        assert [b.args[0] for b in menu.buttons] == [
            {"xaxis.type": "linear"},
            {"xaxis.type": "log"},
        ]
        assert menu.active == 1
        assert means.x[0] / levels[0] == pytest.approx(means.x[2] / levels[2], rel=1e-4)
    else:
        assert layout.updatemenus == ()


def test_what_pairing_does_is_told(tmp_path: Path) -> None:
    """Seeds that move both levels alike: correlation near 1, a small variance of differences."""

    def finals(point: Any, seed: int) -> dict[str, float]:
        value = 80.0 + 5 * seed + 0.1 * ((seed * point[0]) % 3)
        return {"acc_seen": value, "acc_novel": value, "acc_all": value}

    sweep = record({"C": [1, 10]}, [0, 1, 2, 3])
    info = slice_info(load_view(make_ledger(tmp_path, sweep, finals=finals), "c_tau"), "C")
    table = difference_table(info)
    assert {"correlation", "variance_ratio"} <= table.hidden
    numbers = [cell for row in table.rows for cell in row if not isinstance(cell, str)]
    parts = [n for cell in numbers for n in (cell if isinstance(cell, tuple) else (cell,))]
    kinds = {type(part) for part in parts if part is not None}
    assert kinds <= {int, float}, "numpy's numbers spoil the CSV"
    keys = [column.key for column in table.columns]
    row = dict(zip(keys, table.rows[-1], strict=True))
    assert row["correlation"] == pytest.approx(1.0, abs=1e-3)
    assert 0 <= float(str(row["variance_ratio"])) < 0.01
    assert "correlation with the default over the seeds is 1.00" in table.caption
    assert "0.00 times the unpaired one (below 1: pairing helps)" in table.caption


def test_no_pairing_is_told_of_too_few_seeds(tmp_path: Path) -> None:
    made = make_ledger(tmp_path, record({"C": [1, 10]}, [0, 1]), epochs=1)
    table = difference_table(slice_info(load_view(made, "c_tau"), "C"))
    assert "Pairing" not in table.caption


def test_a_level_that_cannot_be_judged_is_not_called_equivalent(tmp_path: Path) -> None:
    """C = 1 lost two of its three seeds: the others are equivalent, of it nothing is said."""

    def finals(point: Any, seed: int) -> dict[str, float]:
        value = 95.0 + 0.01 * ((seed + int(point[0])) % 3)
        return {"acc_seen": value, "acc_novel": value, "acc_all": value}

    axes: dict[str, Any] = {"C": [1, 5, 10], "tau": [0.2, 0.4]}
    points = [(1, 0.4), (5, 0.4), (10, 0.4), (10, 0.2)]
    fates = {(1, 0.4, 0): "diverged", (1, 0.4, 1): "failed"}
    made = make_ledger(
        tmp_path, record(axes, margin=0.5), fates, epochs=1, points=points, finals=finals
    )
    view = load_view(made, "c_tau")
    text = finding(slice_info(view, "C"))
    assert "equivalent at every level that can be judged" in text
    assert text.endswith("Too few seeds in common with it to judge 1.")
    assert finding(slice_info(view, "tau")).startswith("tau: equivalent. Every level")
    info = effect_info(view)
    assert info is not None
    assert effect_finding(info) == (
        "Effect ranges: no parameter that can be judged moves All by more than chance can, each "
        "judged by itself. Too few finished seeds to tell: C."
    )
    assert forest_finding(forest_rows(info.slices)) == (
        "0 of 2 levels are told apart from the default in All; too few seeds: C = 1"
    )
