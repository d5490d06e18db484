"""Configuration: frozen, typed sections, their strict build, presets and identity. No torch."""

from lps_sweep.config.build import (
    build_config,
    changed_config,
    config_from_flat,
    field_table,
    fields_of_method,
    find_field,
    find_fields,
    flat,
)
from lps_sweep.config.identity import RESULTS_REVISION, pack_key, spelled_id, trial_id, trunk_recipe
from lps_sweep.config.presets import PRESETS, preset_values
from lps_sweep.config.resolved import counted_classes, resolved, resolved_values
from lps_sweep.config.sections import (
    NOISE,
    Config,
    HeadConfig,
    LoopConfig,
    MethodConfig,
    PretrainConfig,
    ScheduleConfig,
    TrunkConfig,
)
from lps_sweep.config.values import Located, Value, as_json, check_value, shown
from lps_sweep.data import DATA_SETS
from lps_sweep.data.config import FOLDS, DataConfig, SplitConfig
from lps_sweep.methods import METHODS, config_class
from lps_sweep.network_parts import NETWORK_PARTS

__all__ = [
    "DATA_SETS",
    "FOLDS",
    "METHODS",
    "NETWORK_PARTS",
    "NOISE",
    "PRESETS",
    "RESULTS_REVISION",
    "Config",
    "DataConfig",
    "HeadConfig",
    "Located",
    "LoopConfig",
    "MethodConfig",
    "PretrainConfig",
    "ScheduleConfig",
    "SplitConfig",
    "TrunkConfig",
    "Value",
    "as_json",
    "build_config",
    "changed_config",
    "check_value",
    "config_class",
    "config_from_flat",
    "counted_classes",
    "field_table",
    "fields_of_method",
    "find_field",
    "find_fields",
    "flat",
    "pack_key",
    "preset_values",
    "resolved",
    "resolved_values",
    "shown",
    "spelled_id",
    "trial_id",
    "trunk_recipe",
]
