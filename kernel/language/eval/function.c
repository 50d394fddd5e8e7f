/* Functions the user defines, and the chains of names they capture. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "interp_private.h"

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

typedef struct pb_function_value {
    pb_program *program;
    const pb_node *node;
    pb_scope *scope;
    pb_value **fallbacks;
} pb_function_value;

static void function_destroy(void *data)
{
    pb_function_value *old = data;
    for (size_t i = 0; old->fallbacks && i < old->node->n_parameters; i++)
        pb_value_release(&old->fallbacks[i]);
    free(old->fallbacks);
    pb_scope_release(&old->scope);
    pb_program_release(&old->program);
    free(old);
}

static const char *function_name(const void *data)
{
    return ((const pb_function_value *)data)->node->name;
}

static void function_text(const void *data, pb_buffer *out)
{
    const pb_function_value *f = data;
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

static const pb_function_type function_type = {function_destroy, function_name, function_text};

pb_status pb_value_function(const pb_function_parts *parts, pb_value **result, pb_error **error)
{
    size_t n = parts->node->n_parameters;
    unsigned deepest = parts->scope ? parts->scope->depth : 0;
    *result = NULL;
    pb_function_value *function = pb_calloc(1, sizeof *function);
    pb_value **fallbacks = pb_calloc(n, sizeof *fallbacks);
    if (!function || !fallbacks) {
        free(function);
        free(fallbacks);
        return pb_fail_memory(error);
    }
    for (size_t i = 0; i < n; i++) {
        fallbacks[i] = pb_value_retain(parts->fallbacks[i]);
        if (pb_value_depth(fallbacks[i]) > deepest)
            deepest = pb_value_depth(fallbacks[i]);
    }
    *function = (pb_function_value){pb_program_retain(parts->program), parts->node,
                                    pb_scope_retain(parts->scope), fallbacks};
    return pb_value_take_function(&function_type, function, deepest, result, error);
}

pb_function_parts pb_value_function_parts(const pb_value *function)
{
    const pb_function_value *f = pb_value_function_data(function);
    return (pb_function_parts){f->program, f->node, f->scope, f->fallbacks};
}

const pb_node *pb_value_function_node(const pb_value *function)
{
    return pb_value_function_parts(function).node;
}
