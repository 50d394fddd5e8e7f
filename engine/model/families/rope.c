/* The keys by which families with rotary positions say how those are stretched: transformers 5 has
 * them in rope_parameters, earlier ones in rope_scaling. */
#include "families.h"

static const pb_config_key keys[] = {
    {.names = {"rope_scaling.type", "rope_scaling.rope_type", "rope_parameters.rope_type"},
     .type = PB_CONFIG_NAME,
     .field = offsetof(pb_config, rope_type),
     .otherwise_name = "default"},
    {.names = {"rope_scaling.factor", "rope_parameters.factor"},
     .type = PB_CONFIG_NUMBER,
     .field = offsetof(pb_config, rope_factor),
     .otherwise = 1},
    {.names = {"rope_scaling.low_freq_factor", "rope_parameters.low_freq_factor"},
     .type = PB_CONFIG_NUMBER,
     .field = offsetof(pb_config, rope_low)},
    {.names = {"rope_scaling.high_freq_factor", "rope_parameters.high_freq_factor"},
     .type = PB_CONFIG_NUMBER,
     .field = offsetof(pb_config, rope_high)},
    {.names = {"rope_scaling.original_max_position_embeddings",
               "rope_parameters.original_max_position_embeddings"},
     .type = PB_CONFIG_SIZE,
     .field = offsetof(pb_config, rope_original),
     .most = PB_MOST_POSITIONS},
};

const pb_config_keys pb_rope_keys = {keys, PB_ROWS(keys), NULL};
