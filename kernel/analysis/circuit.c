/* ov(), qk() and copying(): what heads do to the stream and where they look, from the weights. */
#include "study/circuit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "math/linear.h"
#include "study/where.h"
#include "words.h"

/* ---- the circuit as a value: of one head, or of all ---- */

typedef struct circuit_data {
    pb_value *model;
    pb_circuit_kind kind;
    bool all;
    pb_head head; /* unless all */
} circuit_data;

static const pb_object_type circuit_type;

static circuit_data *data_of(const pb_value *value)
{
    return pb_value_object(value, &circuit_type);
}

static void circuit_destroy(void *data)
{
    circuit_data *circuit = data;
    if (!circuit)
        return;
    pb_value_release(&circuit->model);
    free(circuit);
}

static void circuit_repr(const pb_value *self, pb_buffer *out)
{
    const circuit_data *c = data_of(self);
    pb_buffer_text(out, c->kind == PB_CIRCUIT_OV ? "ov(" : "qk(");
    if (!c->all)
        pb_buffer_format(out, "\"L%zuH%zu\"", (size_t)c->head.layer, (size_t)c->head.head);
    pb_buffer_byte(out, ')');
}

static bool circuit_equal(const pb_value *a, const pb_value *b)
{
    const circuit_data *x = data_of(a), *y = data_of(b);
    return pb_model_of(x->model) == pb_model_of(y->model) && x->kind == y->kind &&
           x->all == y->all &&
           (x->all || (x->head.layer == y->head.layer && x->head.head == y->head.head));
}

/* ---- results, filled head by head ---- */

/* A tensor [layer, head, its own axes], or its own axes alone for one head. */
typedef struct head_part {
    const char *name, *what;
    pb_axis *axes[2]; /* borrowed; NULL: fewer */
    pb_tensor *tensor;
    float *data;
    size_t each;
} head_part;

static pb_status make_part(const circuit_data *c, head_part *part, pb_error **error)
{
    const pb_model *model = pb_model_of(c->model);
    pb_axis *axes[4];
    size_t rank = 0;
    if (c->all) {
        axes[rank++] = pb_model_axis(model, "layer");
        axes[rank++] = pb_model_axis(model, "head");
    }
    part->each = 1;
    for (size_t i = 0; i < 2 && part->axes[i]; i++) {
        axes[rank++] = part->axes[i];
        part->each *= pb_axis_length(part->axes[i]);
    }
    return pb_tensor_create(rank, axes, &part->tensor, &part->data, error);
}

/* Fills the parts of one head, each [part->each]. */
typedef pb_status head_function(const pb_circuit *circuit, const void *how, float *const *out,
                                const pb_watch *watch, pb_error **error);

static pb_status fill_head(const circuit_data *c, pb_head head, size_t at, size_t n,
                           head_part *parts, head_function *function, const void *how,
                           const pb_watch *watch, pb_error **error)
{
    pb_circuit *circuit = NULL;
    float *out[3];
    pb_status status = pb_watch_check(watch, error);
    if (!status)
        status = pb_circuit_create(pb_model_of(c->model), c->kind, head.layer, head.head, &circuit,
                                   error);
    for (size_t i = 0; i < n; i++)
        out[i] = parts[i].data + at * parts[i].each;
    if (!status)
        status = function(circuit, how, out, watch, error);
    pb_circuit_destroy(&circuit);
    return status;
}

static pb_status fill_heads(const circuit_data *c, size_t n, head_part *parts,
                            head_function *function, const void *how, const pb_watch *watch,
                            pb_error **error)
{
    const pb_shape *s = pb_model_shape(pb_model_of(c->model));
    size_t heads = c->all ? s->n_layer * s->n_head : 1;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++)
        status = make_part(c, &parts[i], error);
    for (size_t i = 0; !status && i < heads; i++) {
        pb_head head = c->head;
        if (c->all) {
            head.layer = i / s->n_head;
            head.head = i % s->n_head;
        }
        status = fill_head(c, head, i, n, parts, function, how, watch, error);
    }
    return status;
}

/* "Singular values of W_V W_O of L5H1" */
static pb_status take_part(const circuit_data *c, head_part *part, pb_value **result,
                           pb_error **error)
{
    bool turned = c->kind == PB_CIRCUIT_QK && pb_model_shape(pb_model_of(c->model))->rotary_dim > 0;
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_buffer_format(&caption, "%s of %s of ", part->what,
                     c->kind == PB_CIRCUIT_OV ? "W_V W_O" : "W_Q W_K^T");
    if (c->all)
        pb_buffer_text(&caption, "each head");
    else
        pb_buffer_format(&caption, "L%zuH%zu", (size_t)c->head.layer, (size_t)c->head.head);
    if (turned)
        pb_buffer_text(&caption, ", without the rotation by position");
    return pb_result_captioned(&part->tensor, c->model, NULL, NULL, &caption, 0, NULL, result,
                               error);
}

static pb_status take_parts(const circuit_data *c, size_t n, head_part *parts, pb_value **result,
                            pb_error **error)
{
    pb_record_builder record = {0};
    for (size_t i = 0; !record.status && i < n; i++) {
        pb_value *value = NULL;
        record.status = take_part(c, &parts[i], &value, &record.error);
        if (!record.status)
            pb_record_take(&record, parts[i].name, value);
    }
    return pb_record_finish(&record, result, error);
}

static void to_floats(const double *from, size_t count, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}

/* ---- svd, eig ---- */

static pb_status svd_of_head(const pb_circuit *circuit, const void *how, float *const *out,
                             const pb_watch *watch, pb_error **error)
{
    size_t d = circuit->d, n = circuit->n;
    double *s = pb_doubles_create(n, 1), *u = pb_doubles_create(d, n);
    double *v = pb_doubles_create(d, n);
    (void)how;
    pb_status status =
        s && u && v ? pb_circuit_svd(circuit, u, s, v, watch, error) : pb_fail_memory(error);
    if (!status) {
        to_floats(s, n, out[0]);
        to_floats(u, d * n, out[1]);
        to_floats(v, d * n, out[2]);
    }
    pb_doubles_free(&s);
    pb_doubles_free(&u);
    pb_doubles_free(&v);
    return status;
}

static pb_status component_axis(const circuit_data *c, pb_axis **axis, pb_error **error)
{
    return pb_axis_create("component", pb_model_shape(pb_model_of(c->model))->d_head, NULL, NULL,
                          axis, error);
}

static pb_status get_svd(pb_interp *interp, const pb_value *self, pb_value **result,
                         pb_error **error)
{
    const circuit_data *c = data_of(self);
    pb_axis *component = NULL, *stream = pb_model_axis(pb_model_of(c->model), "d_model");
    pb_status status = component_axis(c, &component, error);
    if (status)
        return status;
    head_part parts[] = {
        {.name = "s", .what = "Singular values", .axes = {component}},
        {.name = "u", .what = "Left singular vectors", .axes = {stream, component}},
        {.name = "v", .what = "Right singular vectors", .axes = {stream, component}}};
    status = fill_heads(c, 3, parts, svd_of_head, NULL, pb_interp_watch(interp), error);
    if (!status)
        status = take_parts(c, 3, parts, result, error);
    for (size_t i = 0; i < 3; i++)
        pb_tensor_release(&parts[i].tensor);
    pb_axis_release(&component);
    return status;
}

static pb_status eig_of_head(const pb_circuit *circuit, const void *how, float *const *out,
                             const pb_watch *watch, pb_error **error)
{
    size_t n = circuit->n;
    double *values = pb_doubles_create(2, n);
    pb_status status = values ? pb_circuit_eig(circuit, how, values, values + n, watch, error)
                              : pb_fail_memory(error);
    if (!status) {
        to_floats(values, n, out[0]);
        to_floats(values + n, n, out[1]);
    }
    pb_doubles_free(&values);
    return status;
}

static pb_status get_eig(pb_interp *interp, const pb_value *self, pb_value **result,
                         pb_error **error)
{
    const circuit_data *c = data_of(self);
    pb_axis *component = NULL;
    pb_status status = component_axis(c, &component, error);
    if (status)
        return status;
    head_part parts[] = {
        {.name = "real", .what = "Eigenvalues", .axes = {component}},
        {.name = "imag", .what = "Eigenvalues' imaginary part", .axes = {component}}};
    status = fill_heads(c, 2, parts, eig_of_head, NULL, pb_interp_watch(interp), error);
    if (!status)
        status = take_parts(c, 2, parts, result, error);
    for (size_t i = 0; i < 2; i++)
        pb_tensor_release(&parts[i].tensor);
    pb_axis_release(&component);
    return status;
}

static const pb_member circuit_members[] = {
    {"svd", "A record: singular values s, vectors u and v, over d_model and component.", get_svd},
    {"eig", "A record: eigenvalues that are not 0, real and imag, by falling magnitude.", get_eig},
    {NULL, NULL, NULL}};

static const pb_object_type circuit_type = {
    .name = "circuit",
    .article = "a circuit",
    .summary =
        "A head's matrix between places of the stream, as its factors: .svd .eig .copying().",
    .destroy = circuit_destroy,
    .repr = circuit_repr,
    .members = circuit_members,
    .equal = circuit_equal};

/* ---- ov, qk ---- */

static pb_status take_head(pb_call *call, circuit_data *c, pb_error **error)
{
    pb_head *heads = NULL;
    size_t count = 0;
    pb_status status = pb_heads_take(call, "head", pb_model_of(c->model), &heads, &count, error);
    c->all = !status && !heads;
    if (!status && heads && count != 1)
        status = pb_fail_argument(call, "head", error, PB_VALUE,
                                  "one head, or none for all of them, not %zu", count);
    if (!status && heads)
        c->head = heads[0];
    free(heads);
    return status;
}

static pb_status make_circuit(pb_call *call, pb_circuit_kind kind, pb_value **result,
                              pb_error **error)
{
    circuit_data *c = calloc(1, sizeof *c);
    if (!c)
        return pb_fail_memory(error);
    c->kind = kind;
    pb_status status = pb_call_model(call, &c->model, error);
    if (!status)
        status = take_head(call, c, error);
    if (!status)
        return pb_value_take_object(&circuit_type, c, result, error);
    circuit_destroy(c);
    return status;
}

static pb_status call_ov(pb_call *call, pb_value **result, pb_error **error)
{
    return make_circuit(call, PB_CIRCUIT_OV, result, error);
}

static pb_status call_qk(pb_call *call, pb_value **result, pb_error **error)
{
    return make_circuit(call, PB_CIRCUIT_QK, result, error);
}

/* ---- copying ---- */

/* Re(sum of eigenvalues) / sum of their magnitudes. */
static pb_status copying_of_head(const pb_circuit *circuit, const void *how, float *const *out,
                                 const pb_watch *watch, pb_error **error)
{
    size_t n = circuit->n;
    double sum = 0, size = 0, *values = pb_doubles_create(2, n);
    pb_status status = values ? pb_circuit_eig(circuit, how, values, values + n, watch, error)
                              : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        sum += values[i];
        size += hypot(values[i], values[n + i]);
    }
    if (!status)
        out[0][0] = (float)(size > 0 ? sum / size : 0);
    pb_doubles_free(&values);
    return status;
}

static pb_status call_copying(pb_call *call, pb_value **result, pb_error **error)
{
    const circuit_data *c = data_of(pb_argument_value(call, "circuit"));
    bool effective = pb_argument_choice(call, "embed") == 1;
    float *between = NULL;
    head_part part = {.what = effective ? "Copying score, by W_E + mlp0(ln2(W_E)),"
                                        : "Copying score, by W_E,"};
    if (c->kind != PB_CIRCUIT_OV)
        return pb_fail_argument(call, "circuit", error, PB_VALUE,
                                "what a head copies its OV circuit says: ov(...).copying()");
    const pb_watch *watch = pb_call_watch(call);
    pb_status status = pb_circuit_tokens(pb_model_of(c->model), effective, &between, watch, error);
    if (!status)
        status = fill_heads(c, 1, &part, copying_of_head, between, watch, error);
    if (!status)
        status = take_part(c, &part, result, error);
    pb_tensor_release(&part.tensor);
    free(between);
    return status;
}

/* ---- rows ---- */

static const pb_parameter head_group[] = {
    {.name = "head",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .fallback = "None",
     .what = "a head, as \"L5H1\"; None: each of them, over layer and head",
     .objects = {&pb_ranking_type}},
    {.name = NULL}};

const pb_builtin pb_builtins_circuit[] = {
    {.name = "ov",
     .category = "Heads",
     .summary = "What a head writes for what it reads: W_V W_O, kept as its factors.",
     .doc = "A matrix [d_model, d_model] of rank d_head that is never formed. `.svd` has the "
            "singular values `s` and vectors `u` (read from the stream) and `v` (written to it), "
            "`.eig` the eigenvalues, `.copying()` how much it writes what it reads. Biases are "
            "left out.",
     .result = "a circuit: .svd .eig .copying()",
     .gives_object = &circuit_type,
     .example = "o = ov(\"L5H1\").svd\n"
                "[o.s.axes, o.u.axes, (o.s[component=0] > o.s[component=1])]",
     .expected = "[['component'], ['d_model', 'component'], True]",
     .needs_model = true,
     .see = "qk copying svd composition",
     .also = {head_group, pb_model_group},
     .function = call_ov},
    {.name = "qk",
     .category = "Heads",
     .summary = "Where a head looks: W_Q W_K^T, kept as its factors.",
     .doc = "A matrix [d_model, d_model] of rank d_head that is never formed: the score of a query "
            "that reads x and a key that reads y is x W_Q W_K^T y, before scaling, without biases "
            "and without rotation by position. `.svd` has the singular values `s` and vectors `u` "
            "(of queries) and `v` (of keys), `.eig` the eigenvalues.",
     .result = "a circuit: .svd .eig",
     .gives_object = &circuit_type,
     .example = "len(qk(\"L5H1\").eig.real) == load(\"reviews-4m\").d_head",
     .expected = "True",
     .needs_model = true,
     .see = "ov composition",
     .also = {head_group, pb_model_group},
     .function = call_qk},
    {.name = "copying",
     .category = "Heads",
     .summary = "Whether a head raises the logits of the tokens it attends to: from -1 to 1.",
     .doc =
         "`Re(sum of lambda) / sum of |lambda|` over the eigenvalues of W_E W_V W_O W_U, from the "
         "product of size d_head (Elhage et al., 2021). With `embed=\"effective\"` W_E + "
         "mlp0(ln2(W_E)) stands in place of W_E: what later layers see of a token once the "
         "first MLP has read it.",
     .result = "a number, or a tensor [layer, head]",
     .example = "ov(\"L5H1\").copying(embed=\"effective\") > 0.5",
     .expected = "True",
     .needs_model = true,
     .see = "ov detect_heads",
     .parameters = {{.name = "circuit", .what = "a circuit: ov(...)", .objects = {&circuit_type}},
                    {.name = "embed",
                     .types = PB_TAKES_STRING,
                     .fallback = "\"plain\"",
                     .choices = "plain effective"}},
     .function = call_copying},
    {0}};
