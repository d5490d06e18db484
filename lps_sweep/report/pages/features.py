"""Learned features: how well they keep classes apart, and their t-SNE maps where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lps_sweep.report import marks
from lps_sweep.report.escape import plot_text
from lps_sweep.report.kept import Kept, chosen_trials, load_kept
from lps_sweep.report.maps import (
    MOST_IMAGES,
    NEIGHBOURS,
    PERPLEXITIES,
    SEED,
    FeatureMap,
    load_map,
    map_path,
    shown_rows,
)
from lps_sweep.report.model import Block, Column, Figure, Key, Panel, Section, Table
from lps_sweep.report.numbers import finite
from lps_sweep.report.plot import Plot
from lps_sweep.report.reference import where_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 45
_COLOURS = ("blue", "vermillion", "green", "purple", "orange", "ink", "grey")
_SEEN, _NOVEL = ("circle", "square", "cross"), ("diamond", "triangle-up", "x")
"""Markers of the first seven classes of a part, of the next seven, and of all others."""
_WRONG = Key("misclassified", "ink", "none", "circle-open")
_LEGEND = 20
"""Classes that the legend names at the most."""


@dataclass(frozen=True)
class FeatureInfo:
    """The features of one trial.

    Attributes:
        label: Of its configuration.
        seed: Of the trial.
        num_seen: Number of seen classes, whose ids come first.
        classes: True class of each shown image.
        right: Whether its prediction is right, once predicted ids are matched with the classes.
        knn: Percent of the images that their nearest neighbours classify rightly.
        silhouette: Mean silhouette of the true classes, -1 to 1; None for a single class.
        map: Their map; None where none was made.
    """

    label: str
    seed: int
    num_seen: int
    classes: tuple[int, ...]
    right: tuple[bool, ...]
    knn: float | None
    silhouette: float | None
    map: FeatureMap | None

    @property
    def wrong(self) -> int:
        """Shown images that are misclassified."""
        return self.right.count(False)


def feature_info(view: SweepView) -> tuple[FeatureInfo, ...]:
    """The first finished seed of each shown configuration that kept features."""
    kept = (load_kept(view, *one) for one in chosen_trials(view))
    found = (_info(view, one) for one in kept if one is not None)
    return tuple(info for info in found if info is not None)


def _info(view: SweepView, kept: Kept) -> FeatureInfo | None:
    import numpy as np

    from lps_sweep.files import sweep_folder
    from lps_sweep.indices import silhouette
    from lps_sweep.results.feature_quality import knn_accuracy, right_predictions

    arrays = kept.arrays
    features, indices = arrays.get("features"), arrays.get("feature_indices")
    if features is None or indices is None or len(features) < 2 or not np.isfinite(features).all():
        return None
    places = np.searchsorted(arrays["unlabeled_indices"], indices)
    rows = shown_rows(len(features))
    targets = arrays["targets"][places][rows]
    right = right_predictions(arrays["targets"], arrays["predictions"])[places][rows]
    folder = sweep_folder(view.folder, view.record.name)
    drawn = load_map(map_path(folder, view.artefacts[kept.trial_id].sha256))
    return FeatureInfo(
        kept.label,
        kept.seed,
        kept.num_seen,
        tuple(map(int, targets)),
        tuple(map(bool, right)),
        finite(knn_accuracy(features[rows], targets)),
        finite(silhouette(features[rows], targets)),
        drawn if drawn and list(drawn.rows) == rows.tolist() else None,
    )


def class_key(number: int, num_seen: int) -> Key:
    """Colour and marker of a class, the same in all maps; seen and novel differ by marker."""
    seen = number < num_seen
    place = number if seen else number - num_seen
    symbols = _SEEN if seen else _NOVEL
    symbol = symbols[min(place // len(_COLOURS), len(symbols) - 1)]
    word = "seen" if seen else "novel"
    return Key(f"class {number}, {word}", _COLOURS[number % len(_COLOURS)], "none", symbol)


def draw_maps(infos: Sequence[FeatureInfo]) -> tuple[Panel, ...]:
    """One panel per trial and perplexity."""
    return tuple(
        _map_panel(info, perplexity, points)
        for info in infos
        if info.map is not None
        for perplexity, points in sorted(info.map.points.items())
    )


def _map_panel(info: FeatureInfo, perplexity: int, points: Sequence[tuple[float, float]]) -> Panel:
    figure = Plot()
    shown = list(zip(points, info.classes, info.right, strict=True))
    for number in sorted(set(info.classes)):
        key = class_key(number, info.num_seen)
        own: list[marks.Point] = [(*xy, "") for xy, k, _ in shown if k == number]
        marks.dots(figure, own, key, size=5, name=plot_text(key.label), hover=plot_text(key.label))
    wrong: list[marks.Point] = [(*xy, "") for xy, _, right in shown if not right]
    marks.dots(figure, wrong, _WRONG, size=9)
    bare = {"showticklabels": False, "showgrid": False, "ticks": "", "zeroline": False}
    figure.update_xaxes(**bare)
    figure.update_yaxes(**bare, scaleanchor="x")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    words = f"{len(points)} images, {info.wrong} of them misclassified"
    return Panel(f"{info.label}, seed {info.seed}; perplexity {perplexity}", figure, words)


def feature_table(infos: Sequence[FeatureInfo]) -> Table:
    """One row per trial: what the features themselves say, and how far the maps can be trusted."""
    columns = [
        Column("configuration", "Configuration", of="label"),
        Column("seed", "Seed", "value"),
        Column("n", "Images", "value", of=lambda info: len(info.classes)),
        Column("knn", "kNN accuracy, %", "number"),
        Column("silhouette", "Silhouette", "number", 3),
        Column("wrong", "Misclassified", "value"),
    ]
    columns += [
        Column(
            f"trust_{p}",
            f"Trustworthiness, perplexity {p}",
            "number",
            3,
            lambda info, p=p: info.map.trustworthiness.get(p) if info.map else None,
        )
        for p in PERPLEXITIES
    ]
    caption = (
        "The features of the unlabeled images, before any map. One seed each: no interval, no "
        "ranking."
    )
    notes = (
        f"kNN accuracy: the true class is the commonest of {NEIGHBOURS} nearest neighbours. "
        "Silhouette: of the true classes, 1 far apart, 0 touching. Both by cosine. Misclassified: "
        "after one matching of ids and classes over all images, as in All. Trustworthiness: how "
        f"far the {NEIGHBOURS} nearest neighbours on a map are so among the features, at most 1."
    )
    return Table.of("features", caption, columns, infos, notes=notes)


def sections(view: SweepView) -> list[Section]:
    """The section on features, where a shown trial kept some."""
    infos = feature_info(view)
    command = f"lps-sweep report DIR {view.record.name} --maps"
    if not infos:
        waits = not view.record.search and "done" not in set(view.trials["status"])
        text = (
            "How far features keep classes apart is shown once a trial is done; their t-SNE maps "
            f"are then made by {command}, where DIR is the results folder."
        )
        return [Section("features", "Features", (text,))] if waits else []
    blocks: list[Block] = []
    if any(info.map for info in infos):
        blocks.append(_figure(view, infos))
    blocks.append(feature_table(infos))
    without = [info.label for info in infos if info.map is None]
    if without:
        blocks.append(
            f"No t-SNE map has been made for {', '.join(without)}. Make them with {command}, where "
            "DIR is the results folder; it needs scikit-learn and takes some seconds a map."
        )
    return [Section("features", "Features", tuple(blocks), folded=True)]


def _figure(view: SweepView, infos: Sequence[FeatureInfo]) -> Figure:
    drawn = [info for info in infos if info.map is not None]
    classes = sorted({(k, info.num_seen) for info in drawn for k in info.classes})
    keys = [class_key(k, num_seen) for k, num_seen in classes][:_LEGEND]
    keys.append(_WRONG)
    title = "; ".join(
        f"{info.label}: {info.wrong} of {len(info.classes)} images misclassified" for info in drawn
    )
    return Figure(
        "features_figure",
        title,
        f"t-SNE of the features of {len(drawn[0].classes)} unlabeled images, first finished seed "
        "of each configuration. Distances and sizes of clusters are no evidence.",
        tuple(keys),
        lambda: draw_maps(infos),
        300,
        "features",
        f"At most {MOST_IMAGES} images, evenly spaced: scikit-learn, cosine, started from PCA, "
        f"perplexities {' and '.join(map(str, PERPLEXITIES))}, seed {SEED}. Circles, squares are "
        "seen classes, diamonds and triangles novel ones. A map can tear one cluster in two: look "
        f"for what both perplexities show. {where_text(view.record.settings)}.",
    )
