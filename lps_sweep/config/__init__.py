"""Configuration: frozen, typed sections, their strict build, presets and identity. No torch."""

from lps_sweep.config.build import (
    build_config,
    config_from_flat,
    field_table,
    fields_of_method,
    find_field,
    find_fields,
    flat,
)
from lps_sweep.config.fields import FieldInfo, section_fields
from lps_sweep.config.identity import RESULTS_REVISION, pack_key, trial_id, trunk_recipe
from lps_sweep.config.networks import NETWORK_PARTS
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
from lps_sweep.config.values import Located, Value, check_value, shown
from lps_sweep.methods import METHODS

__all__ = [
    "METHODS",
    "NETWORK_PARTS",
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
    "fields_of_method",
    "find_field",
    "find_fields",
    "flat",
    "pack_key",
    "section_fields",
    "shown",
    "trial_id",
    "trunk_recipe",
]
