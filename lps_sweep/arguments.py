"""The arguments of the command line: each verb, and what it can be told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from lps_sweep import __version__
from lps_sweep.argument_types import count, duration, folder_or_address, integer, path, real
from lps_sweep.errors import ExitCode

EXIT_CODES = """\
exit codes: 0 every planned trial is done or was stopped by a rule; 2 some failed or diverged;
3 another driver owns the results folder; 4 bad input; 5 the results folder cannot be read or
written, or nothing can be printed; 6 trials were not run; 129, 130, 143 interrupted (give the same
command again to go on); 141 nobody reads what is printed any more"""


class Parser(argparse.ArgumentParser):
    """A parser that ends with the exit code of bad input."""

    def error(self, message: str) -> NoReturn:
        """Prints usage and `message`, and ends the process."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.BAD_INPUT, f"{self.prog}: {message}\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse; words behind an option still belong to the places before it."""
        found, left = super().parse_known_args(args, namespace)
        if "places" in found and not any(word.startswith("-") for word in left):
            return argparse.Namespace(**{**vars(found), "places": found.places + left}), []
        return found, left


_REPEATED: dict[str, Any] = {"action": "append", "default": []}
"""Of options that may be given several times."""
Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"


def build_parser() -> Parser:
    """The parser of all verbs."""
    parser = Parser(
        prog="lps_sweep",
        description="Hyper-parameter and ablation sweeps of LPS, with results to believe.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lps_sweep {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_running(verbs)
    _add_looking(verbs)
    _add_giving(verbs)
    _add_training(verbs)
    return parser


def _add_running(verbs: Verbs) -> None:
    """Verbs that plan and run sweeps."""
    plan = verbs.add_parser("plan", help="show what would run, and start nothing")
    _add_space(plan)
    help = "measure a few steps here to estimate hours and disk"
    plan.add_argument("--probe", action="store_true", help=help)
    first = "show the first N configurations with all their values (1 unless given)"
    some: dict[str, Any] = {"type": count, "nargs": "?", "default": 0, "const": 1}
    plan.add_argument("--configurations", **some, metavar="N", help=first)
    help = "simulate it also on N nodes: hours, GPU-hours, and the best size of packs"
    plan.add_argument("--nodes", type=integer, metavar="N", help=help)
    plan.add_argument("--gpus-per-node", type=integer, metavar="N", help="GPUs of each")
    plan.add_argument("--cpus-per-node", type=integer, metavar="N", help="CPU cores of each")
    help = "chance that a node is taken away within an hour, such as 0.05"
    plan.add_argument("--spot", type=real, metavar="P", help=help)
    help = "of nodes: boot_s=180, noticed_s=30 (a loss), idle_s=300 (before it goes)"
    plan.add_argument("--assume", **_REPEATED, metavar="NAME=SECONDS", help=help)
    plan.add_argument("--json", action="store_true", help="for programs")

    run = verbs.add_parser("run", help="run what is planned and not yet done")
    _add_space(run)
    _add_cluster(run)
    _add_choice(run)

    confirm = verbs.add_parser("confirm", help="measure what a sweep selected on fresh seeds")
    _add_places(confirm, "a sweep: DIR SWEEP, or DIR/SWEEP")
    _add_rule(confirm)
    confirm.add_argument("--seeds", type=count, metavar="N", help="default: as many as it has")
    _add_resources(confirm)
    _add_cluster(confirm)

    noise = verbs.add_parser("noise", help="measure how far last bits alone move a sweep's default")
    _add_places(noise, "a sweep: DIR SWEEP, or DIR/SWEEP")
    draws = "trials at each seed, the last of them with other threads (default: 4)"
    noise.add_argument("--draws", type=count, default=4, metavar="N", help=draws)
    threads = "threads of that one (default: 1, or 2 if the sweep had 1)"
    noise.add_argument("--threads", type=count, metavar="N", help=threads)
    noise.add_argument("--plan", action="store_true", help="show what would run, and start nothing")
    _add_resources(noise)
    _add_cluster(noise)


def _add_looking(verbs: Verbs) -> None:
    """Verbs that look at what is recorded."""
    status = verbs.add_parser("status", help="count the trials of a results folder by state")
    _add_places(status, "a results folder, or one sweep: DIR/SWEEP")

    show = verbs.add_parser("show", help="show one trial: values, attempts, curve, files")
    _add_places(show, "DIR TRIAL: results folder, and how the id of the trial begins")

    compare = verbs.add_parser("compare", help="compare two sweeps, paired by seed")
    _add_places(compare, "two sweeps: DIR/SWEEP DIR/SWEEP, or DIR SWEEP SWEEP")
    compare.add_argument("--metric", **_REPEATED, metavar="NAME", help="may be repeated")

    classes = verbs.add_parser("classes", help="estimate how many classes there are to find")
    _add_places(classes, "a sweep: DIR SWEEP, or DIR/SWEEP")
    most = "the largest number tried (default: four times the seen classes, 20 at least)"
    classes.add_argument("--most", type=count, metavar="N", help=most)

    for verb in (status, show, compare, classes):
        verb.add_argument("--json", action="store_true", help="for programs")


def _add_giving(verbs: Verbs) -> None:
    """Verbs that make something of what is recorded."""
    export = verbs.add_parser("export", help="write a sweep for other programs")
    _add_places(export, "a sweep: DIR SWEEP, or DIR/SWEEP")
    export.add_argument(
        "--format",
        dest="format_",
        choices=("tables", "optuna", "tensorboard", "wandb", "mlflow"),
        default="tables",
        help="CSV and Parquet tables, an Optuna study, or a run per trial",
    )
    help = "a folder; of optuna a SQLite file, of wandb [ENTITY/]PROJECT, of mlflow a URI"
    export.add_argument("--to", required=True, metavar="PLACE", help=help)
    _add_watch(export)

    report = verbs.add_parser("report", help="build tables and report from what is recorded")
    _add_places(report, "a results folder, or one sweep: DIR/SWEEP")
    help = "every figure also as SVG, PNG and PDF"
    report.add_argument("--images", action="store_true", help=help)
    help = "make the t-SNE maps of the features that are missing"
    report.add_argument("--maps", action="store_true", help=help)
    _add_watch(report)

    help = "print the configuration that a rule takes of a sweep, ready to run"
    select = verbs.add_parser("select", help=help)
    _add_places(select, "a sweep: DIR SWEEP, or DIR/SWEEP")
    _add_rule(select)

    check = verbs.add_parser(
        "check", help="verify a results folder, and repair what can be repaired"
    )
    _add_places(check, "a results folder")
    help = "keep what can be proven, and leave what cannot to the next run"
    check.add_argument("--repair", action="store_true", help=help)

    taken = verbs.add_parser("import", help="record an experiment of Ray Tune as a sweep")
    what = "folder of the experiment, whose trainable is lps_sweep.tune.trainable"
    taken.add_argument("experiment", type=path("EXPERIMENT"), metavar="EXPERIMENT", help=what)
    taken.add_argument("--name", default="", metavar="NAME", help="of the sweep, if another")
    _add_results(taken)


def _add_training(verbs: Verbs) -> None:
    """Verbs beside sweeps."""
    train = verbs.add_parser("train", help="train one configuration, without Ray")
    _add_settings(train)
    train.add_argument("--seed", type=integer, default=0, help="seed of the trial (default: 0)")

    pretrain = verbs.add_parser("pretrain", help="make the pre-trained trunk of a configuration")
    _add_settings(pretrain)

    prepare = verbs.add_parser("prepare", help="decode the photographs of imagenet100 once")
    prepare.add_argument("dataset", metavar="DATASET", help="imagenet100")
    prepare.add_argument(
        "--root", type=path("--root"), required=True, metavar="DIR", help="has train/<synset>/..."
    )
    help = "side of the stored images (default: 256)"
    prepare.add_argument("--size", type=integer, metavar="PIXELS", help=help)
    help = "leave out what cannot be decoded"
    prepare.add_argument("--skip-corrupt", action="store_true", help=help)
    prepare.add_argument("--workers", type=count, metavar="N", help="threads (default: all cores)")

    verbs.add_parser("schema", help="print the JSON Schema of search spaces, for editors")

    cluster = verbs.add_parser("cluster", help="check a file that launches a Ray cluster")
    actions = cluster.add_subparsers(required=True, metavar="check")
    check = actions.add_parser("check", help="say what is wrong in it, and start nothing")
    launched = "cluster.yaml, or a file of cluster/"
    check.add_argument("file", type=path("FILE"), metavar="FILE", help=launched)


def _add_space(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=path("FILE"), metavar="FILE", help="search space (YAML)")
    parser.add_argument("--preset", default="", metavar="NAME", help="in place of the file's")
    value = "a value for all trials; may be repeated"
    parser.add_argument("--set", **_REPEATED, dest="settings", metavar="KEY=VALUE", help=value)
    _add_resources(parser)
    parser.add_argument(
        "--results",
        type=folder_or_address,
        default=Path("results"),
        metavar="DIR|URI",
        help="results folder, or an address such as s3://bucket/x (default: results)",
    )
    parser.add_argument(
        "--ledger",
        type=path("--ledger"),
        metavar="DIR",
        help="folder of the driver's own for ledger and report (default: the results folder, or "
        "one named by the sweep if --results is an address)",
    )


def _add_resources(parser: argparse.ArgumentParser) -> None:
    extend: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    help = "what a pack gets here, such as max_pack_size=5 gpus_per_pack=0.5"
    parser.add_argument("--resources", **extend, metavar="KEY=VALUE", help=help)


def _add_places(parser: argparse.ArgumentParser, help: str) -> None:
    """The words that name results folders and what is in them; `results.places` reads them."""
    parser.add_argument("places", nargs="+", metavar="PLACE", help=help)


def _add_rule(parser: argparse.ArgumentParser) -> None:
    help = "such as silhouette, or silhouette+balance (default: a search's objective)"
    parser.add_argument("--rule", "--metric", default="", metavar="NAME", help=help)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inline", action="store_true", help="train in this process, without Ray")
    parser.add_argument(
        "--address", default="local", help="Ray cluster: auto or HOST:PORT (default: a private one)"
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retry", default="", metavar="failed,diverged", help="try trials with these ends again"
    )
    parser.add_argument(
        "--only",
        **_REPEATED,
        metavar="KEY=VALUE",
        help="only trials with this value of a swept parameter, seed=N or trial=ID; may be "
        "repeated: values of one key add up, different keys narrow down",
    )
    parser.add_argument("--limit", type=integer, metavar="N", help="start N trials at the most")
    parser.add_argument(
        "--budget",
        **_REPEATED,
        metavar="NAME=NUMBER",
        help="start nothing more once spent, of this call: hours, gpu_hours, trials (ended), "
        "failure_rate (of those begun); may be repeated, or separated by commas",
    )
    parser.add_argument("--yes", action="store_true", help="start however much it is, unasked")
    parser.add_argument(
        "--ask-above",
        **_REPEATED,
        metavar="NAME=NUMBER",
        help="ask before more than this is started: trials (default: 1000), hours by what is "
        "recorded here (default: 24)",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="such as C=5 epochs=2 method=orca"
    )
    parser.add_argument("--preset", default="", metavar="NAME", help="such as digits")
    _add_results(parser)


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        type=duration,
        nargs="?",
        default=0.0,
        const=10.0,
        metavar="SECONDS",
        help="go on while the sweep runs, and look for news so often (10 unless given)",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=path("--results"),
        default=Path("results"),
        metavar="DIR",
        help="results folder (default: results)",
    )
