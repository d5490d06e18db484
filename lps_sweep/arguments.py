"""The arguments of the command line: each verb, and what it can be told."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn, TypeAlias

from lps_sweep import __version__
from lps_sweep.errors import ExitCode

EXIT_CODES = """\
exit codes: 0 every planned trial is done or was stopped by a rule; 2 some failed or diverged;
3 another driver owns the results folder; 4 bad input; 5 the results folder cannot be read or
written; 6 trials were not run; 130, 143 interrupted (give the same command again to go on)"""


class Parser(argparse.ArgumentParser):
    """A parser that ends with the exit code of bad input."""

    def error(self, message: str) -> NoReturn:
        """Prints usage and `message`, and ends the process."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.BAD_INPUT, f"{self.prog}: {message}\n")


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
    plan.add_argument(
        "--probe", action="store_true", help="measure a few steps here to estimate hours and disk"
    )
    plan.add_argument("--json", action="store_true", help="for programs")

    run = verbs.add_parser("run", help="run what is planned and not yet done")
    _add_space(run)
    _add_place(run)
    _add_choice(run)

    confirm = verbs.add_parser("confirm", help="measure what a sweep selected on fresh seeds")
    confirm.add_argument("results", type=Path, metavar="DIR", help="results folder")
    confirm.add_argument("sweep", metavar="SWEEP", help="name of the sweep")
    confirm.add_argument(
        "--metric", default="", metavar="NAME", help="such as oracle.acc_all (default: a search's)"
    )
    confirm.add_argument("--seeds", type=_count, metavar="N", help="default: as many as it has")
    _add_place(confirm)


def _add_looking(verbs: Verbs) -> None:
    """Verbs that look at what is recorded."""
    status = verbs.add_parser("status", help="count the trials of a results folder by state")
    status.add_argument("results", type=Path, metavar="DIR", help="results folder")
    status.add_argument("sweep", nargs="?", default="", metavar="SWEEP", help="one sweep only")
    status.add_argument("--json", action="store_true", help="for programs")

    show = verbs.add_parser("show", help="show one trial: values, attempts, curve, files")
    show.add_argument("results", type=Path, metavar="DIR", help="results folder")
    show.add_argument("trial", metavar="TRIAL", help="id of the trial, or how it begins")
    show.add_argument("--json", action="store_true", help="for programs")

    compare = verbs.add_parser("compare", help="compare two sweeps, paired by seed")
    for name in ("first", "second"):
        compare.add_argument(
            name, type=Path, metavar="DIR/SWEEP", help="folder of a sweep in its results folder"
        )
    compare.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="may be repeated"
    )
    compare.add_argument("--json", action="store_true", help="for programs")


def _add_giving(verbs: Verbs) -> None:
    """Verbs that make something of what is recorded."""
    export = verbs.add_parser("export", help="write a sweep for other programs")
    export.add_argument("results", type=Path, metavar="DIR", help="results folder")
    export.add_argument("sweep", metavar="SWEEP", help="name of the sweep")
    export.add_argument(
        "--format",
        dest="format_",
        choices=("tables", "optuna", "tensorboard", "wandb", "mlflow"),
        default="tables",
        help="CSV and Parquet tables, an Optuna study, or a run per trial",
    )
    export.add_argument(
        "--to",
        required=True,
        metavar="PLACE",
        help="a folder; of optuna a SQLite file, of wandb [ENTITY/]PROJECT, of mlflow a URI",
    )
    _add_watch(export)

    report = verbs.add_parser("report", help="build tables and report from what is recorded")
    report.add_argument("results", type=Path, metavar="DIR", help="results folder")
    report.add_argument("sweep", nargs="?", default="", metavar="SWEEP", help="one sweep only")
    report.add_argument(
        "--images", action="store_true", help="every figure also as SVG, PNG and PDF"
    )
    report.add_argument(
        "--maps", action="store_true", help="make the t-SNE maps of the features that are missing"
    )
    _add_watch(report)

    check = verbs.add_parser("check", help="verify a results folder, and mend what can be mended")
    check.add_argument("results", type=Path, metavar="DIR", help="results folder")
    check.add_argument(
        "--repair",
        action="store_true",
        help="keep what can be proven, and leave what cannot to the next run",
    )


def _add_training(verbs: Verbs) -> None:
    """Verbs beside sweeps."""
    train = verbs.add_parser("train", help="train one configuration, without Ray")
    _add_settings(train)
    train.add_argument("--seed", type=int, default=0, help="seed of the trial (default: 0)")

    pretrain = verbs.add_parser("pretrain", help="make the pre-trained trunk of a configuration")
    _add_settings(pretrain)

    prepare = verbs.add_parser("prepare", help="decode the photographs of imagenet100 once")
    prepare.add_argument("dataset", metavar="DATASET", help="imagenet100")
    prepare.add_argument(
        "--root", type=Path, required=True, metavar="DIR", help="has train/<synset>/*.JPEG"
    )
    prepare.add_argument(
        "--size", type=int, metavar="PIXELS", help="side of the stored images (default: 256)"
    )
    prepare.add_argument(
        "--skip-corrupt", action="store_true", help="leave out what cannot be decoded"
    )
    prepare.add_argument("--workers", type=int, metavar="N", help="threads (default: all cores)")

    verbs.add_parser("schema", help="print the JSON Schema of search spaces, for editors")


def _add_space(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="search space, a YAML file")
    parser.add_argument("--preset", default="", metavar="NAME", help="in place of the file's")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="a value for all trials; may be repeated",
    )
    _add_results(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inline", action="store_true", help="train in this process, without Ray")
    parser.add_argument(
        "--address", default="local", help="Ray cluster to run on (default: a private local one)"
    )


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 to 1000")
    return int(text)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retry", default="", metavar="failed,diverged", help="try trials with these ends again"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only trials with this value of a swept parameter, seed=N or trial=ID; may be "
        "repeated: values of one key add up, different keys narrow down",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="start N trials at the most")
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="start nothing more once spent, of this call: hours, gpu_hours, trials (ended), "
        "failure_rate (of those begun); may be repeated, or separated by commas",
    )
    parser.add_argument("--yes", action="store_true", help="start however much it is, unasked")
    parser.add_argument(
        "--ask-above",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="ask before more than this is started: trials (default: 1000), hours by what is "
        "recorded here (default: 24)",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="such as C=5 epochs=2")
    parser.add_argument("--preset", default="", metavar="NAME", help="such as digits")
    _add_results(parser)


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        default=0.0,
        const=10.0,
        metavar="SECONDS",
        help="go on while the sweep runs, and look for news so often (10 unless given)",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 86400 seconds")
    return value


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="results folder (default: results)",
    )
