/* Names of TransformerLens' hooks, which its users type from habit, and what they are called here.
 */
#include <stdio.h>
#include <string.h>

#include "domain.h"

/* "blocks.2.attn.hook_z", "hook_z", "ln_final.hook_scale"; also "blocks.2.hook_z", which leaves a
 * part out. *layer is -1 where none is named. */
static bool hook_of(const char *text, pb_site *site, int *layer)
{
    char hook[96];
    *layer = -1;
    if (sscanf(text, "blocks.%d.", layer) != 1)
        *layer = -1;
    for (int i = 0; i < PB_N_SITES; i++) {
        pb_site_hook_name((pb_site)i, *layer < 0 ? 0 : (size_t)*layer, hook, sizeof hook);
        if (strcmp(hook, text) == 0) {
            *site = (pb_site)i;
            return true;
        }
    }
    const char *tail = strrchr(text, '.');
    tail = tail ? tail + 1 : text;
    if (strncmp(tail, "hook_", 5) == 0)
        tail += 5;
    return !pb_site_find(tail, site, NULL);
}

/* An entry of cache[...]: the text in it, and the layer if it is a pair. */
static const char *entry_text(const pb_value *value, int *layer)
{
    bool pair = pb_value_kind(value) == PB_LIST && pb_list_count(value) >= 2;
    const pb_value *name = pair ? pb_list_item(value, 0) : value;
    if (pair && pb_value_is_integer(pb_list_item(value, 1)))
        *layer = (int)pb_value_get_number(pb_list_item(value, 1));
    return pb_value_get_text(name, NULL);
}

void pb_hint_activation(size_t count, const pb_index_entry *entries, pb_error *error)
{
    pb_site site;
    int given = -1, layer = -1;
    const char *name = entry_text(entries[0].value, &given);
    if (count >= 2 && pb_value_is_integer(entries[1].value))
        given = (int)pb_value_get_number(entries[1].value);
    if (!name || !hook_of(name, &site, &layer)) {
        pb_error_hint(error, "run(prompt).pattern[layer=4, head=0]");
        return;
    }
    const pb_site_row *row = pb_site_info(site);
    layer = given >= 0 ? given : layer;
    if (row->layers && layer >= 0)
        pb_error_hint(error, "run(prompt).%s[layer=%d]", row->name, layer);
    else
        pb_error_hint(error, "run(prompt).%s", row->name);
}

void pb_hint_site(const char *name, const char *text, pb_error *error)
{
    pb_site site;
    int layer, head, length = -1;
    if (sscanf(text, "L%dH%d%n", &layer, &head, &length) == 2 && length >= 0 && !text[length])
        pb_error_hint(error, "a head is given as heads=[\"%s\"]", text);
    else if (hook_of(text, &site, &layer) && layer >= 0)
        pb_error_hint(error, "%s=\"%s\", layer=%d", name, pb_site_info(site)->name, layer);
    else if (hook_of(text, &site, &layer))
        pb_error_hint(error, "%s=\"%s\"", name, pb_site_info(site)->name);
}
