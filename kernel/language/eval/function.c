/* Functions the user defines, and the chains of names they capture. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"
#include "value/text.h"
#include "value_private.h"

/* ---- scopes ---- */

pb_scope *pb_scope_retain(pb_scope *scope)
{
    if (scope)
        atomic_fetch_add_explicit(&scope->references, 1, memory_order_relaxed);
    return scope;
}

void pb_scope_release(pb_scope **scope)
{
    pb_scope *old = *scope;
    *scope = NULL;
    while (old && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1) {
        pb_scope *parent = old->parent;
        pb_value_release(&old->value);
        free(old);
        old = parent;
    }
}

pb_status pb_scope_bind(pb_scope *parent, const char *name, const pb_value *value, pb_scope **scope,
                        pb_error **error)
{
    *scope = pb_calloc(1, sizeof **scope);
    if (!*scope)
        return pb_fail_memory(error);
    unsigned inner = pb_value_depth(value), outer = parent ? parent->depth : 0;
    atomic_init(&(*scope)->references, 1);
    (*scope)->name = name;
    (*scope)->value = pb_value_retain(value);
    (*scope)->parent = pb_scope_retain(parent);
    (*scope)->depth = inner > outer ? inner : outer;
    return PB_OK;
}

pb_value *pb_scope_find(const pb_scope *scope, const char *name)
{
    for (; scope; scope = scope->parent)
        if (strcmp(scope->name, name) == 0)
            return scope->value;
    return NULL;
}

/* ---- functions ---- */

struct pb_function_value {
    pb_program *program;
    const pb_node *node;
    pb_scope *scope;
    pb_value **fallbacks;
};

void pb_function_value_destroy(pb_function_value **function)
{
    pb_function_value *old = *function;
    *function = NULL;
    if (!old)
        return;
    for (size_t i = 0; old->fallbacks && i < old->node->n_parameters; i++)
        pb_value_release(&old->fallbacks[i]);
    free(old->fallbacks);
    pb_scope_release(&old->scope);
    pb_program_release(&old->program);
    free(old);
}

pb_status pb_value_function(const pb_function_parts *parts, pb_value **result, pb_error **error)
{
    unsigned deepest = parts->scope ? parts->scope->depth : 0;
    *result = NULL;
    pb_value *value = pb_value_new(PB_FUNCTION);
    pb_function_value *function = value ? pb_calloc(1, sizeof *function) : NULL;
    if (!function) {
        free(value);
        return pb_fail_memory(error);
    }
    value->as.function = function;
    function->program = pb_program_retain(parts->program);
    function->node = parts->node;
    function->scope = pb_scope_retain(parts->scope);
    function->fallbacks = pb_calloc(parts->node->n_parameters, sizeof *function->fallbacks);
    pb_status status = function->fallbacks ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < parts->node->n_parameters; i++) {
        function->fallbacks[i] = pb_value_retain(parts->fallbacks[i]);
        if (pb_value_depth(function->fallbacks[i]) > deepest)
            deepest = pb_value_depth(function->fallbacks[i]);
    }
    if (!status)
        status = pb_value_set_depth(value, deepest, error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

pb_function_parts pb_value_function_parts(const pb_value *function)
{
    const pb_function_value *f = function->as.function;
    return (pb_function_parts){f->program, f->node, f->scope, f->fallbacks};
}

const char *pb_function_name(const pb_value *function)
{
    const char *name = function->as.function->node->name;
    return name ? name : "lambda";
}

void pb_function_text(const pb_value *function, pb_buffer *out)
{
    const pb_function_value *f = function->as.function;
    const pb_span span = f->node->span;
    const char *text = pb_source_text(f->program->source) + span.start;
    size_t length = span.end - span.start;
    if (length <= 300) {
        pb_buffer_append(out, text, length);
        return;
    }
    size_t cut = 280;
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    pb_buffer_append(out, text, cut);
    pb_buffer_text(out, " ...");
}
