/* Records: {"a": 1, **r}, {key: value for ...} and r | s. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"

/* Adds one entry to a list that has a record's keys and values in turn. */
static pb_status take_entry(pb_list_builder *out, const pb_value *key, const pb_value *value,
                            pb_error **error)
{
    char what[160];
    size_t length;
    const char *name = pb_value_get_text(key, &length);
    if (!name || strlen(name) != length)
        return pb_fail(error, PB_TYPE, "the key of a record is a string, not %s",
                       pb_value_describe(key, what, sizeof what));
    pb_status status = pb_list_take(out, pb_value_retain(key), error);
    return status ? status : pb_list_take(out, pb_value_retain(value), error);
}

pb_status pb_evaluate_entry(pb_interp *interp, const pb_place *place, const pb_node *key_node,
                            const pb_node *value_node, pb_list_builder *out, pb_error **error)
{
    pb_value *key = NULL, *value = NULL;
    pb_status status = pb_evaluate(interp, place, key_node, &key, error);
    if (!status)
        status = pb_evaluate(interp, place, value_node, &value, error);
    if (!status)
        status = pb_place_error(place, key_node->span, take_entry(out, key, value, error), error);
    pb_value_release(&key);
    pb_value_release(&value);
    return status;
}

static pb_status take_entries(const pb_value *record, pb_list_builder *out, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < pb_record_count(record); i++) {
        pb_entry entry = pb_record_entry(record, i);
        pb_value *key = NULL;
        status = pb_value_text(entry.name, &key, error);
        if (!status)
            status = take_entry(out, key, entry.value, error);
        pb_value_release(&key);
    }
    return status;
}

/* **r: its entries, one by one. */
static pb_status take_spread_entries(pb_interp *interp, const pb_place *place, const pb_node *node,
                                     pb_list_builder *out, pb_error **error)
{
    pb_value *record = NULL;
    char what[160];
    pb_status status = pb_evaluate(interp, place, node->items[0], &record, error);
    if (!status && pb_value_kind(record) != PB_RECORD)
        status = pb_fail(error, PB_TYPE, "** takes the entries of a record, not of %s",
                         pb_value_describe(record, what, sizeof what));
    if (!status)
        status = take_entries(record, out, error);
    pb_value_release(&record);
    return pb_place_error(place, node->span, status, error);
}

/* Adds an entry, or gives the earlier entry with the same key its value, as Python does. Gives the
 * new count. */
static size_t place_entry(pb_entry *entries, size_t count, pb_entry entry)
{
    size_t same = 0;
    while (same < count && strcmp(entries[same].name, entry.name) != 0)
        same++;
    entries[same] = same < count ? (pb_entry){entries[same].name, entry.value} : entry;
    return same < count ? count : count + 1;
}

pb_status pb_record_of(pb_interp *interp, pb_list_builder *entries, pb_value **result,
                       pb_error **error)
{
    size_t kept = 0;
    pb_entry *made = pb_calloc(entries->count / 2, sizeof *made);
    pb_status status = made ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i + 1 < entries->count; i += 2) {
        pb_entry entry = {pb_value_get_text(entries->items[i], NULL), entries->items[i + 1]};
        status = pb_interp_check(interp, error);
        kept = place_entry(made, kept, entry);
    }
    if (!status)
        status = pb_value_record(made, kept, NULL, result, error);
    free(made);
    pb_list_discard(entries);
    return status;
}

pb_status pb_evaluate_record(pb_interp *interp, const pb_place *place, const pb_node *node,
                             pb_value **result, pb_error **error)
{
    pb_list_builder entries = {.keeper = pb_interp_keeper(interp)};
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i + 1 < node->n_items; i += 2) {
        const pb_node *key = node->items[i];
        status = key->kind == PB_NODE_SPREAD
                     ? take_spread_entries(interp, place, key, &entries, error)
                     : pb_evaluate_entry(interp, place, key, node->items[i + 1], &entries, error);
    }
    if (!status)
        status = pb_record_of(interp, &entries, result, error);
    pb_list_discard(&entries);
    return pb_place_error(place, node->span, status, error);
}

pb_status pb_join_records(pb_interp *interp, const pb_value *a, const pb_value *b,
                          pb_value **result, pb_error **error)
{
    pb_list_builder entries = {.keeper = pb_interp_keeper(interp)};
    pb_status status = take_entries(a, &entries, error);
    if (!status)
        status = take_entries(b, &entries, error);
    if (!status)
        status = pb_record_of(interp, &entries, result, error);
    pb_list_discard(&entries);
    return status;
}
