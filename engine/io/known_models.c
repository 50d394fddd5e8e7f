/* The models that have a name of their own. A new one is a row. */
#include <string.h>

#include "io/locate.h"

static const char *const gpt2_aliases[] = {"gpt2-small", NULL};
static const char *const distil_aliases[] = {"distil-gpt2", NULL};
static const char *const no_aliases[] = {NULL};

static const pb_known_model models[] = {
    {"gpt2", "openai-community/gpt2", gpt2_aliases, "124M parameters, 12 layers"},
    {"gpt2-medium", "openai-community/gpt2-medium", no_aliases, "355M parameters, 24 layers"},
    {"gpt2-large", "openai-community/gpt2-large", no_aliases, "774M parameters, 36 layers"},
    {"gpt2-xl", "openai-community/gpt2-xl", no_aliases, "1.6B parameters, 48 layers"},
    {"distilgpt2", "distilbert/distilgpt2", distil_aliases, "82M parameters, 6 layers"},
    {"smollm2-135m", "HuggingFaceTB/SmolLM2-135M", no_aliases, "135M parameters, 30 layers"},
};

size_t pb_known_model_count(void)
{
    return sizeof models / sizeof models[0];
}

const pb_known_model *pb_known_model_at(size_t index)
{
    return &models[index];
}

const pb_known_model *pb_known_model_find(const char *name)
{
    for (size_t i = 0; i < pb_known_model_count(); i++) {
        const pb_known_model *model = &models[i];
        if (strcmp(name, model->name) == 0 || strcmp(name, model->hub_id) == 0)
            return model;
        for (const char *const *alias = model->aliases; *alias; alias++) {
            if (strcmp(name, *alias) == 0)
                return model;
        }
    }
    return NULL;
}
