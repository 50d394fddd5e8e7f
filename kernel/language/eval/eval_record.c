/* Records: {"a": 1, **r}, {key: value for ...} and r | s. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"

/* Gives the record an entry of this key, in place of an earlier one, as Python does. */
static pb_status take_entry(pb_record_builder *out, const pb_value *key, const pb_value *value)
{
    char what[160];
    size_t length;
    const char *name = pb_value_get_text(key, &length);
    if (name && strlen(name) == length)
        pb_record_set(out, name, pb_value_retain(value));
    else if (!out->status)
        out->status = pb_fail(&out->error, PB_TYPE, "the key of a record is a string, not %s",
                              pb_value_describe(key, what, sizeof what));
    return out->status;
}

pb_status pb_evaluate_entry(pb_interp *interp, const pb_place *place, const pb_node *key_node,
                            const pb_node *value_node, pb_record_builder *out)
{
    pb_value *key = NULL, *value = NULL;
    out->status = pb_evaluate(interp, place, key_node, &key, &out->error);
    if (!out->status)
        out->status = pb_evaluate(interp, place, value_node, &value, &out->error);
    if (!out->status)
        pb_place_error(place, key_node->span, take_entry(out, key, value), &out->error);
    pb_value_release(&key);
    pb_value_release(&value);
    return out->status;
}

static void take_entries(pb_record_builder *out, const pb_value *record)
{
    for (size_t i = 0; !out->status && i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_record_set(out, entry.name, pb_value_retain(entry.value));
    }
}

/* **r: its entries, one by one. */
static void take_spread_entries(pb_interp *interp, const pb_place *place, const pb_node *node,
                                pb_record_builder *out)
{
    pb_value *record = NULL;
    char what[160];
    out->status = pb_evaluate(interp, place, node->items[0], &record, &out->error);
    if (!out->status && pb_value_kind(record) != PB_RECORD)
        out->status = pb_fail(&out->error, PB_TYPE, "** takes the entries of a record, not of %s",
                              pb_value_describe(record, what, sizeof what));
    take_entries(out, record);
    pb_value_release(&record);
    pb_place_error(place, node->span, out->status, &out->error);
}

pb_status pb_evaluate_record(pb_interp *interp, const pb_place *place, const pb_node *node,
                             pb_value **result, pb_error **error)
{
    pb_record_builder made = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !made.status && i + 1 < node->n_items; i += 2) {
        const pb_node *key = node->items[i];
        if (key->kind == PB_NODE_SPREAD)
            take_spread_entries(interp, place, key, &made);
        else
            pb_evaluate_entry(interp, place, key, node->items[i + 1], &made);
    }
    return pb_place_error(place, node->span, pb_record_finish(&made, result, error), error);
}

pb_status pb_join_records(pb_interp *interp, const pb_value *a, const pb_value *b,
                          pb_value **result, pb_error **error)
{
    pb_record_builder made = {.keeper = pb_interp_keeper(interp)};
    take_entries(&made, a);
    take_entries(&made, b);
    return pb_record_finish(&made, result, error);
}
