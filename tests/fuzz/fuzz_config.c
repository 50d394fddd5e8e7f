/* libFuzzer: a config.json of any bytes. What is accepted must hold together. */
#include <stdint.h>
#include <stdlib.h>

#include "io/config.h"
#include "model/families.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_config *config = NULL;
    pb_error *error = NULL;
    if (!pb_config_parse("config.json", (const char *)data, size, pb_family_keys, &config,
                         &error)) {
        if (config->n_head == 0 || config->n_kv_head == 0 ||
            config->n_head % config->n_kv_head != 0 || config->d_head == 0 ||
            config->n_layer == 0 || config->n_positions == 0 || config->vocab_size == 0)
            abort();
    } else if (!error) {
        abort();
    }
    free(pb_error_render(error));
    pb_error_destroy(&error);
    pb_config_destroy(&config);
    return 0;
}
