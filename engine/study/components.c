/* The components of the residual stream; see components.h. */
#include "components.h"

/* How many components the sites before `end` are: of those without layers, or in one layer. */
static size_t count_before(const pb_model *model, int end, bool layers)
{
    size_t count = 0;
    for (int site = 0; site < end; site++) {
        const pb_site_row *row = pb_site_info((pb_site)site);
        count += row->component && row->layers == layers && pb_site_is_in(model, (pb_site)site);
    }
    return count;
}

size_t pb_components_written(const pb_model *model)
{
    return pb_components_before(model, pb_model_shape(model)->n_layer);
}

size_t pb_components_before(const pb_model *model, size_t layer)
{
    return count_before(model, PB_N_SITES, false) + count_before(model, PB_N_SITES, true) * layer;
}

size_t pb_component_count(const pb_model *model)
{
    return pb_components_written(model) + (pb_model_final_bias(model) != NULL);
}

size_t pb_component_of(const pb_model *model, pb_site site, size_t layer)
{
    const pb_site_row *row = pb_site_info(site);
    if (!row->component)
        return SIZE_MAX;
    size_t before = count_before(model, (int)site, row->layers);
    if (!row->layers)
        return before;
    return count_before(model, PB_N_SITES, false) + layer * count_before(model, PB_N_SITES, true) +
           before;
}

/* The site that is the `which`-th component without layers, or of a layer. */
static const pb_site_row *component_site(const pb_model *model, size_t which, bool layers)
{
    int site = 0;
    while (count_before(model, site + 1, layers) <= which)
        site++;
    return pb_site_info((pb_site)site);
}

pb_component pb_component_at(const pb_model *model, size_t index)
{
    size_t once = count_before(model, PB_N_SITES, false),
           each = count_before(model, PB_N_SITES, true);
    if (index < once)
        return (pb_component){-1, component_site(model, index, false)->component};
    if (index < pb_components_written(model))
        return (pb_component){(int)((index - once) / each),
                              component_site(model, (index - once) % each, true)->component};
    return (pb_component){-1, index < pb_component_count(model) ? "ln_final_bias" : "edits"};
}
