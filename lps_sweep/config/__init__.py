"""Configuration: frozen, typed sections, their strict build, presets and identity. No torch."""

from lps_sweep.config.build import (
    FieldInfo,
    Located,
    Value,
    build_config,
    check_value,
    config_from_flat,
    field_table,
    find_field,
    flat,
    section_fields,
)
from lps_sweep.config.identity import RESULTS_REVISION, pack_key, trial_id, trunk_recipe
from lps_sweep.config.presets import PRESETS
from lps_sweep.config.sections import (
    Config,
    DataConfig,
    HeadConfig,
    LoopConfig,
    MethodConfig,
    PretrainConfig,
    ScheduleConfig,
    SplitConfig,
    TrunkConfig,
)

__all__ = [
    "PRESETS",
    "RESULTS_REVISION",
    "Config",
    "DataConfig",
    "FieldInfo",
    "HeadConfig",
    "Located",
    "LoopConfig",
    "MethodConfig",
    "PretrainConfig",
    "ScheduleConfig",
    "SplitConfig",
    "TrunkConfig",
    "Value",
    "build_config",
    "check_value",
    "config_from_flat",
    "field_table",
    "find_field",
    "flat",
    "pack_key",
    "section_fields",
    "trial_id",
    "trunk_recipe",
]
