/* Showing activations to hooks. */
#include "pass.h"

static size_t layer_of(const pb_pass *pass, pb_site site)
{
    return pb_site_info(site)->layers ? pass->layer : 0;
}

bool pb_pass_wants(const pb_pass *pass, pb_site site)
{
    for (size_t i = 0; i < pass->batch->n_hooks; i++) {
        const pb_hooks *hooks = pass->batch->hooks[i];
        if (hooks->wants(hooks->user, site, layer_of(pass, site)))
            return true;
    }
    return false;
}

pb_status pb_pass_show_to(const pb_pass *pass, size_t which, pb_site site, pb_view view,
                          pb_error **error)
{
    const pb_hooks *hooks = pass->batch->hooks[which];
    view.site = site;
    view.layer = layer_of(pass, site);
    view.caller = pass->caller;
    if (view.n_rows == 0 || !hooks->wants(hooks->user, site, view.layer))
        return PB_OK;
    return hooks->at(hooks->user, &view, error);
}

pb_status pb_pass_show(const pb_pass *pass, pb_site site, pb_view view, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < pass->batch->n_hooks; i++)
        status = pb_pass_show_to(pass, i, site, view, error);
    return status;
}

pb_status pb_pass_show_rows(const pb_pass *pass, pb_site site, const pb_row *rows, size_t n,
                            float *data, size_t width, pb_error **error)
{
    pb_view view = {.data = data,
                    .n_rows = n,
                    .n_heads = 1,
                    .width = width,
                    .row_stride = width,
                    .head_stride = width,
                    .rows = rows};
    return pb_pass_show(pass, site, view, error);
}
