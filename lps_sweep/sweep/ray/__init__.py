"""The only folder that imports Ray: one Tune trial per job.

The environment that Ray reads, once, when it is imported, is prepared here before that.
"""

from __future__ import annotations

import os
import secrets

_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "10000",  # `watch.Waiting` gives no more than there is room for
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",  # else Tune runs the same attempt again
}


def prepare_environment(address: str) -> None:
    """Turns token authentication on, and Tune's own habits out of the way.

    A local session gets a fresh token that only this process and its children know; for a cluster
    the user's own is read, from RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or Ray's default file.
    """
    os.environ.update(_SETTINGS)
    if address == "local":
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
