/* Records: a few named values, in order. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "value_private.h"

struct pb_record_value {
    size_t count;
    pb_entry *entries; /* names and values are owned */
    char *caption;
};

void pb_record_value_destroy(pb_record_value **record)
{
    pb_record_value *old = *record;
    *record = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->count; i++) {
        free((char *)old->entries[i].name);
        pb_value_release(&old->entries[i].value);
    }
    pb_let_go(old->entries);
    free(old->caption);
    free(old);
}

static pb_status grow_record(pb_record_builder *builder)
{
    size_t capacity = builder->capacity ? builder->capacity * 2 : 8;
    pb_entry *entries = pb_realloc(builder->entries, capacity, sizeof *entries);
    if (!entries)
        return pb_fail_memory(&builder->error);
    builder->entries = entries;
    builder->capacity = capacity;
    return PB_OK;
}

void pb_record_take(pb_record_builder *builder, const char *name, pb_value *value)
{
    char *copy = NULL;
    if (!builder->status && (!value || !pb_copy_text(name, &copy)))
        builder->status = pb_fail_memory(&builder->error);
    if (!builder->status && builder->count == builder->capacity)
        builder->status = grow_record(builder);
    if (!builder->status) {
        builder->entries[builder->count++] = (pb_entry){copy, value};
        return;
    }
    free(copy);
    pb_keeper_bury(builder->keeper, &value);
}

void pb_record_set(pb_record_builder *builder, const char *name, pb_value *value)
{
    size_t same = 0;
    if (!builder->status)
        builder->status = pb_keeper_check(builder->keeper, &builder->error);
    while (!builder->status && value && same < builder->count) {
        if (strcmp(builder->entries[same].name, name) == 0) {
            pb_keeper_bury(builder->keeper, &builder->entries[same].value);
            builder->entries[same].value = value;
            return;
        }
        same++;
    }
    pb_record_take(builder, name, value);
}

/* The builder's entries as a value. */
static pb_status seal(pb_record_builder *builder, pb_value **result, pb_error **error)
{
    unsigned deepest = 0;
    pb_value *value = pb_value_new(PB_RECORD);
    pb_record_value *record = value ? pb_calloc(1, sizeof *record) : NULL;
    if (!record) {
        pb_let_go(value);
        return pb_fail_memory(error);
    }
    value->as.record = record;
    /* No more than it takes: a list may hold a million records. */
    pb_entry *fitting = pb_realloc(builder->entries, builder->count, sizeof *fitting);
    record->entries = pb_hold(fitting ? fitting : builder->entries);
    record->count = builder->count;
    builder->entries = NULL;
    builder->count = 0;
    for (size_t i = 0; i < record->count; i++)
        if (pb_value_depth(record->entries[i].value) > deepest)
            deepest = pb_value_depth(record->entries[i].value);
    pb_status status =
        pb_copy_text(builder->caption, &record->caption) ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_value_set_depth(value, deepest, error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

pb_status pb_record_finish(pb_record_builder *builder, pb_value **result, pb_error **error)
{
    pb_status status = builder->status;
    *result = NULL;
    if (!status)
        status = seal(builder, result, error);
    else
        pb_error_move(&builder->error, error);
    pb_record_discard(builder);
    return status;
}

void pb_record_discard(pb_record_builder *builder)
{
    for (size_t i = 0; i < builder->count; i++) {
        free((char *)builder->entries[i].name);
        pb_keeper_bury(builder->keeper, &builder->entries[i].value);
    }
    free(builder->entries);
    pb_error_destroy(&builder->error);
    *builder = (pb_record_builder){0};
}

size_t pb_record_count(const pb_value *record)
{
    return pb_value_kind(record) == PB_RECORD ? record->as.record->count : 0;
}

pb_entry pb_record_entry(const pb_value *record, size_t index)
{
    return index < pb_record_count(record) ? record->as.record->entries[index]
                                           : (pb_entry){NULL, NULL};
}

pb_value *pb_record_find(const pb_value *record, const char *name)
{
    for (size_t i = 0; i < pb_record_count(record); i++)
        if (strcmp(record->as.record->entries[i].name, name) == 0)
            return record->as.record->entries[i].value;
    return NULL;
}

const char *pb_record_caption(const pb_value *record)
{
    return pb_value_kind(record) == PB_RECORD ? record->as.record->caption : NULL;
}

bool pb_record_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b)
{
    if (pb_record_count(a) != pb_record_count(b))
        return false;
    for (size_t i = 0; i < pb_record_count(a); i++) {
        pb_entry entry = pb_record_entry(a, i);
        const pb_value *other = pb_record_find(b, entry.name);
        if (!other || !pb_comparison_equal(comparison, entry.value, other))
            return false;
    }
    return true;
}
