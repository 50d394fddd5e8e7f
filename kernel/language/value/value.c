/* Values: making, counting and reading the simple kinds. */
#include "value_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "value/object.h"

#define PB_EXACT_INTEGERS 9007199254740992.0 /* 2^53: from here on neighbours coincide */

pb_value *pb_value_new(pb_kind kind)
{
    pb_value *value = pb_hold(pb_calloc(1, sizeof *value));
    if (value) {
        atomic_init(&value->references, 1);
        value->kind = (unsigned char)kind;
    }
    return value;
}

pb_kind pb_value_kind(const pb_value *value)
{
    return value ? (pb_kind)value->kind : PB_NONE;
}

pb_value *pb_value_retain(const pb_value *value)
{
    pb_value *shared = (pb_value *)value; /* the count is not part of what is immutable */
    if (shared)
        atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

static void destroy_list(pb_value *list)
{
    for (size_t i = 0; i < list->as.list.count; i++)
        pb_value_release(&list->as.list.items[i]);
    pb_let_go(list->as.list.items);
}

static void destroy_object(pb_value *object)
{
    const pb_object_type *type = object->as.object.type;
    if (type->destroy && object->as.object.data)
        type->destroy(object->as.object.data);
}

void pb_value_release(pb_value **value)
{
    pb_value *old = *value;
    *value = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    switch ((pb_kind)old->kind) {
    case PB_STRING: pb_let_go(old->as.string.bytes); break;
    case PB_LIST: destroy_list(old); break;
    case PB_TENSOR: pb_tensor_value_destroy(&old->as.tensor); break;
    case PB_TABLE: pb_table_value_destroy(&old->as.table); break;
    case PB_RECORD: pb_record_value_destroy(&old->as.record); break;
    case PB_SELECTOR: pb_select_destroy(&old->as.selector); break;
    case PB_FUNCTION: old->as.function.type->destroy(old->as.function.data); break;
    case PB_OBJECT: destroy_object(old); break;
    case PB_NONE:
    case PB_BOOL:
    case PB_NUMBER:
    case PB_BUILTIN: break;
    }
    pb_let_go(old);
}

/* ---- keepers ---- */

pb_status pb_keeper_check(pb_keeper *keeper, pb_error **error)
{
    if (keeper)
        return keeper->check(keeper, error);
    return pb_budget_over() && !pb_budget_fits(1) ? pb_fail_memory(error) : PB_OK;
}

void pb_keeper_bury(pb_keeper *keeper, pb_value **value)
{
    if (keeper)
        keeper->bury(keeper, value);
    else
        pb_value_release(value);
}

/* ---- depth ---- */

unsigned pb_value_depth(const pb_value *value)
{
    return value ? value->depth : 0;
}

pb_status pb_value_set_depth(pb_value *value, unsigned inner, pb_error **error)
{
    if (inner >= PB_MAX_VALUE_DEPTH)
        return pb_fail(error, PB_LIMIT, "values nest at most %d deep", PB_MAX_VALUE_DEPTH);
    value->depth = inner + 1;
    return PB_OK;
}

bool pb_copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return !text || *copy;
}

/* ---- none, bool, number ---- */

pb_status pb_value_none(pb_value **result, pb_error **error)
{
    *result = pb_value_new(PB_NONE);
    return *result ? PB_OK : pb_fail_memory(error);
}

pb_status pb_value_bool(bool truth, pb_value **result, pb_error **error)
{
    *result = pb_value_new(PB_BOOL);
    if (!*result)
        return pb_fail_memory(error);
    (*result)->truth = truth;
    return PB_OK;
}

pb_status pb_value_number(double number, pb_precision precision, pb_value **result,
                          pb_error **error)
{
    *result = pb_value_new(PB_NUMBER);
    if (!*result)
        return pb_fail_memory(error);
    if (precision == PB_INTEGER && !(fabs(number) < PB_EXACT_INTEGERS))
        precision = PB_DOUBLE;
    (*result)->as.number = number;
    (*result)->precision = (unsigned char)precision;
    return PB_OK;
}

pb_status pb_value_integer(int64_t number, pb_value **result, pb_error **error)
{
    return pb_value_number((double)number, PB_INTEGER, result, error);
}

bool pb_value_is_none(const pb_value *value)
{
    return pb_value_kind(value) == PB_NONE;
}

bool pb_value_is_integer(const pb_value *value)
{
    pb_kind kind = pb_value_kind(value);
    return kind == PB_BOOL || (kind == PB_NUMBER && value->precision == PB_INTEGER);
}

bool pb_value_get_bool(const pb_value *value)
{
    return pb_value_kind(value) == PB_BOOL && value->truth;
}

double pb_value_get_number(const pb_value *value)
{
    switch (pb_value_kind(value)) {
    case PB_NUMBER: return value->as.number;
    case PB_BOOL: return value->truth ? 1 : 0;
    default: return NAN;
    }
}

pb_precision pb_value_precision(const pb_value *value)
{
    return pb_value_kind(value) == PB_NUMBER ? (pb_precision)value->precision : PB_INTEGER;
}

/* ---- strings ---- */

#define LONG_STRING                                                                                \
    65536 /* bytes: shorter ones are in the budget, but not asked for one by one                   \
           */

pb_status pb_string_fits(double length, pb_error **error)
{
    if (length > PB_MAX_STRING_LENGTH)
        return pb_fail(error, PB_LIMIT,
                       "a string is at most %u MB long, this one would have %.0f MB",
                       PB_MAX_STRING_LENGTH >> 20, length / (1 << 20));
    return length < LONG_STRING || pb_budget_fits((size_t)length) ? PB_OK : pb_fail_memory(error);
}

/* Takes `bytes`, which may be NULL for an allocation that failed. */
static pb_status take_bytes(char *bytes, size_t length, pb_value **result, pb_error **error)
{
    *result = bytes ? pb_value_new(PB_STRING) : NULL;
    if (!*result) {
        free(bytes);
        return pb_fail_memory(error);
    }
    (*result)->as.string.bytes = pb_hold(bytes);
    (*result)->as.string.length = length;
    return PB_OK;
}

pb_status pb_value_string(const char *text, size_t length, pb_value **result, pb_error **error)
{
    size_t size;
    *result = NULL;
    pb_status status = pb_string_fits((double)length, error);
    if (status)
        return status;
    char *bytes = pb_size_add(length, 1, &size) ? pb_malloc(size, 1) : NULL;
    if (bytes) {
        if (length > 0)
            memcpy(bytes, text, length);
        bytes[length] = '\0';
    }
    return take_bytes(bytes, length, result, error);
}

pb_status pb_value_text(const char *text, pb_value **result, pb_error **error)
{
    return pb_value_string(text, strlen(text), result, error);
}

pb_status pb_value_take_buffer(pb_buffer *buffer, pb_value **result, pb_error **error)
{
    size_t length = buffer->length;
    *result = NULL;
    pb_status status = pb_string_fits((double)length, error);
    if (status) {
        pb_buffer_free(buffer);
        return status;
    }
    char *bytes = pb_buffer_take(buffer);
    if (!bytes)
        pb_buffer_free(buffer);
    return take_bytes(bytes, length, result, error);
}

const char *pb_value_get_text(const pb_value *value, size_t *length)
{
    bool is_string = pb_value_kind(value) == PB_STRING;
    if (length)
        *length = is_string ? value->as.string.length : 0;
    return is_string ? value->as.string.bytes : NULL;
}

pb_status pb_value_check_names(const pb_value *value, pb_error **error)
{
    char what[160];
    pb_status status = PB_OK;
    size_t length = 0;
    const char *text = pb_value_get_text(value, &length);
    if (text && memchr(text, '\0', length)) {
        status = pb_fail(error, PB_VALUE, "%s has a NUL character, \\x00, and no name has one",
                         pb_value_describe(value, what, sizeof what));
    }
    if (pb_value_kind(value) == PB_LIST)
        for (size_t i = 0; !status && i < pb_list_count(value); i++)
            status = pb_value_check_names(pb_list_item(value, i), error);
    return status;
}

bool pb_value_is_text(const pb_value *value, const char *text)
{
    size_t length;
    const char *bytes = pb_value_get_text(value, &length);
    return bytes && length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/* ---- lists ---- */

static pb_status make_list(pb_value **items, size_t count, bool column, pb_value **result,
                           pb_error **error)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < count; i++)
        if (pb_value_depth(items[i]) > deepest)
            deepest = pb_value_depth(items[i]);
    pb_value *list = pb_value_new(PB_LIST);
    pb_value **copy = list ? pb_hold(pb_malloc(count, sizeof *copy)) : NULL;
    pb_status status = copy ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_value_set_depth(list, deepest, error);
    if (status) {
        for (size_t i = 0; i < count; i++)
            pb_value_release(&items[i]);
        pb_let_go(copy);
        pb_value_release(&list);
        return status;
    }
    if (count > 0)
        memcpy(copy, items, count * sizeof *copy);
    list->as.list.items = copy;
    list->as.list.count = count;
    list->truth = column;
    *result = list;
    return PB_OK;
}

pb_status pb_value_take_list(pb_value **items, size_t count, pb_value **result, pb_error **error)
{
    *result = NULL;
    return make_list(items, count, false, result, error);
}

size_t pb_list_count(const pb_value *list)
{
    return pb_value_kind(list) == PB_LIST ? list->as.list.count : 0;
}

pb_value *pb_list_item(const pb_value *list, size_t index)
{
    return index < pb_list_count(list) ? list->as.list.items[index] : NULL;
}

bool pb_list_is_column(const pb_value *list)
{
    return pb_value_kind(list) == PB_LIST && list->truth;
}

bool pb_list_of(const pb_value *list, pb_kind kind)
{
    if (pb_value_kind(list) != PB_LIST)
        return false;
    for (size_t i = 0; i < list->as.list.count; i++)
        if (pb_value_kind(list->as.list.items[i]) != kind)
            return false;
    return true;
}

static pb_status grow_list(pb_list_builder *builder)
{
    if (builder->count >= PB_MAX_LIST_LENGTH)
        return pb_fail(&builder->error, PB_LIMIT, "a list holds at most %d items",
                       PB_MAX_LIST_LENGTH);
    size_t capacity = builder->capacity ? builder->capacity * 2 : 8;
    pb_value **items = pb_realloc(builder->items, capacity, sizeof *items);
    if (!items)
        return pb_fail_memory(&builder->error);
    builder->items = items;
    builder->capacity = capacity;
    return PB_OK;
}

/* Items between two looks at the stop flag: 0.1 ms, if making one takes 0.1 us. */
#define PB_ITEMS_UNCHECKED 1024

void pb_list_take(pb_list_builder *builder, pb_value *value)
{
    if (!builder->status && !value)
        builder->status = pb_fail_memory(&builder->error);
    if (!builder->status && (builder->count + 1) % PB_ITEMS_UNCHECKED == 0)
        builder->status = pb_keeper_check(builder->keeper, &builder->error);
    if (!builder->status && builder->count == builder->capacity)
        builder->status = grow_list(builder);
    if (!builder->status)
        builder->items[builder->count++] = value;
    else
        pb_value_release(&value);
}

void pb_list_take_text(pb_list_builder *builder, const char *text)
{
    pb_value *value = NULL;
    if (!builder->status)
        builder->status = pb_value_text(text, &value, &builder->error);
    pb_list_take(builder, value);
}

void pb_list_take_number(pb_list_builder *builder, double number, pb_precision precision)
{
    pb_value *value = NULL;
    if (!builder->status)
        builder->status = pb_value_number(number, precision, &value, &builder->error);
    pb_list_take(builder, value);
}

void pb_list_take_items(pb_list_builder *builder, const pb_value *list, size_t start, size_t end)
{
    for (size_t i = start; !builder->status && i < end; i++)
        pb_list_take(builder, pb_value_retain(pb_list_item(list, i)));
}

pb_status pb_list_finish(pb_list_builder *builder, bool column, pb_value **result, pb_error **error)
{
    pb_status status = builder->status;
    *result = NULL;
    if (!status) {
        status = make_list(builder->items, builder->count, column, result, error);
        builder->count = 0;
    } else {
        pb_error_move(&builder->error, error);
    }
    pb_list_discard(builder);
    return status;
}

void pb_list_discard(pb_list_builder *builder)
{
    pb_keeper *keeper = builder->keeper;
    pb_value *list = keeper && builder->count > 0 ? pb_value_new(PB_LIST) : NULL;
    if (list) { /* as it is, and without a depth: only to be let go of, perhaps later */
        list->as.list.items = pb_hold(builder->items);
        list->as.list.count = builder->count;
        pb_keeper_bury(keeper, &list);
    } else {
        for (size_t i = 0; i < builder->count; i++)
            pb_value_release(&builder->items[i]);
        free(builder->items);
    }
    pb_error_destroy(&builder->error);
    *builder = (pb_list_builder){0};
}

/* ---- built-ins, functions and objects ---- */

pb_status pb_value_builtin(const pb_builtin *row, const char *name, pb_value **result,
                           pb_error **error)
{
    *result = pb_value_new(PB_BUILTIN);
    if (!*result)
        return pb_fail_memory(error);
    (*result)->as.builtin.row = row;
    (*result)->as.builtin.name = name;
    return PB_OK;
}

const pb_builtin *pb_value_get_builtin(const pb_value *value)
{
    return pb_value_kind(value) == PB_BUILTIN ? value->as.builtin.row : NULL;
}

pb_status pb_value_take_function(const pb_function_type *type, void *data, unsigned depth,
                                 pb_value **result, pb_error **error)
{
    pb_value *value = pb_value_new(PB_FUNCTION);
    *result = NULL;
    if (!value) {
        type->destroy(data);
        return pb_fail_memory(error);
    }
    value->as.function.type = type;
    value->as.function.data = data;
    pb_status status = pb_value_set_depth(value, depth, error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

void *pb_value_function_data(const pb_value *value)
{
    return pb_value_kind(value) == PB_FUNCTION ? value->as.function.data : NULL;
}

const char *pb_function_name(const pb_value *function)
{
    const char *name = function->as.function.type->name(function->as.function.data);
    return name ? name : "lambda";
}

pb_status pb_value_take_object(const pb_object_type *type, void *data, pb_value **result,
                               pb_error **error)
{
    *result = pb_value_new(PB_OBJECT);
    if (!*result) {
        if (type->destroy && data)
            type->destroy(data);
        return pb_fail_memory(error);
    }
    (*result)->as.object.type = type;
    (*result)->as.object.data = data;
    return PB_OK;
}

const pb_object_type *pb_value_object_type(const pb_value *value)
{
    return pb_value_kind(value) == PB_OBJECT ? value->as.object.type : NULL;
}

void *pb_value_object(const pb_value *value, const pb_object_type *type)
{
    return pb_value_object_type(value) == type ? value->as.object.data : NULL;
}

/* ---- names of types ---- */

const char *pb_value_type_name(const pb_value *value)
{
    switch (pb_value_kind(value)) {
    case PB_NONE: return "None";
    case PB_BOOL: return "bool";
    case PB_NUMBER: return pb_value_is_integer(value) ? "integer" : "number";
    case PB_STRING: return "string";
    case PB_LIST: return pb_list_is_column(value) ? "column" : "list";
    case PB_TENSOR: return pb_value_meta(value)->look ? pb_value_meta(value)->look->name : "tensor";
    case PB_TABLE: return "table";
    case PB_RECORD: return "record";
    case PB_SELECTOR: return "selector";
    case PB_FUNCTION: return "function";
    case PB_BUILTIN: return "built-in";
    case PB_OBJECT: return value->as.object.type->name;
    }
    return "value";
}
