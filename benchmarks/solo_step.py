"""B4: a training step of ours, K = 1, against an eager one in the manner of published code.

The baseline is given the very views that ours makes, ready on the device; ours makes them within
the time. Both train; their losses must begin together.
"""

from __future__ import annotations

import dataclasses

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns
from benchmarks.reference_style.loop import reference_loop
from benchmarks.syncs import num_waits
from benchmarks.workload import (
    FULL,
    GRAPH,
    HALF,
    SMALL,
    Size,
    cases_of,
    config_of,
    mean_loss,
    prepared,
    run_of,
    unfrozen,
    with_loop,
)

TOLERANCES = {"cpu": (1e-3, 0.05), "cuda": (0.1, 0.5), "half": (0.2, 0.7)}
"""Of the mean loss of the first epoch and of the second; it starts at about 4 to 7. Training
magnifies rounding from step to step, so that later epochs tell nothing. On a GPU both sides round
to TF32 their own way; ``half`` is bfloat16 against TF32."""


def measure(size: Size, setting: Setting) -> Measurement:
    """Trains both in turns; counts how often the host waits in an epoch more."""
    epochs = setting.pairs + 2
    size = dataclasses.replace(size, epochs=epochs)
    run = run_of(size, [config_of(size)], setting.device)
    reference = reference_loop(size, setting.device)
    ready = [list(prepared(run, epoch)) for epoch in range(epochs)]
    losses: dict[str, list[float]] = {"ours": [], "baseline": []}

    def ours(epoch: int) -> None:
        losses["ours"].append(mean_loss(run, epoch))

    def baseline(epoch: int) -> None:
        found = reference.train(ready[epoch], epoch)
        losses["baseline"].append(sum(found) / len(found))

    times = in_turns(
        {
            "reference-style step": lambda pair: baseline(pair + 1),
            "our step": lambda pair: ours(pair + 1),
        },
        setting,
    )
    waits = {
        side.__name__: num_waits(lambda side=side: side(epochs - 1), setting) / size.num_steps  # type: ignore[misc]
        for side in (ours, baseline)
    }
    facts = {
        **{f"ms per step, {side}": times.ms(side, size.num_steps) for side in times.sides},
        "host synchronisations per step, those at the end of an epoch shared out": waits,
    }
    half = size.loop.get("precision") == "bfloat16"
    limits = zip(
        ("first", "second"), TOLERANCES["half" if half else setting.device.type], strict=True
    )
    moved = abs(losses["baseline"][-1] - losses["baseline"][0])
    checks = [
        Check(f"difference of the {which} epoch's mean loss", abs(one - other), limit)
        for (which, limit), one, other in zip(
            limits, losses["ours"], losses["baseline"], strict=False
        )
    ]
    checks.append(Check.above("change of the loss over the epochs", moved, 1e-3))
    return times.measurement(checks, facts)


def cases(setting: Setting) -> list[Case]:
    """Frozen and fine-tuned; on a GPU captured, eager, and in bfloat16."""
    if setting.on_cuda:
        frozen = {
            "frozen": GRAPH,
            "frozen-eager": FULL,
            "frozen-bfloat16": HALF,
            "frozen-compiled": with_loop(GRAPH, compile=True),
        }
    else:
        frozen = {"frozen": SMALL if setting.quick else Size(batch_size=32)}
    tuned = {name.replace("frozen", "tuned"): unfrozen(size) for name, size in frozen.items()}
    if not (setting.on_cuda or setting.quick):
        tuned["tuned"] = dataclasses.replace(tuned["tuned"], batch_size=16)
    return cases_of("a step of one trial", frozen | tuned, measure)
