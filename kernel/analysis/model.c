/* Models as values: the card, the shape, and the weights by TransformerLens' names. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "display/card.h"
#include "domain.h"
#include "words.h"

/* ---- the object ---- */

static void model_destroy(void *data)
{
    pb_model_data *model = data;
    if (!model)
        return;
    pb_model_release(&model->model);
    free(model->label);
    free(model);
}

pb_status pb_model_value(pb_model *model, bool bos, pb_value **result, pb_error **error)
{
    pb_model_data *data = pb_calloc(1, sizeof *data);
    pb_buffer label = PB_BUFFER_EMPTY;
    pb_buffer_format(&label, "%s%s", pb_model_name(model), pb_model_is_raw(model) ? " (raw)" : "");
    char *text = pb_buffer_take(&label);
    if (!data || !text) {
        free(data);
        free(text);
        return pb_fail_memory(error);
    }
    *data = (pb_model_data){.model = pb_model_retain(model), .bos = bos, .label = text};
    return pb_value_take_object(&pb_model_type, data, result, error);
}

static pb_model_data *data_of(const pb_value *value)
{
    return pb_value_object(value, &pb_model_type);
}

pb_model *pb_model_of(const pb_value *model)
{
    return data_of(model)->model;
}

bool pb_model_adds_bos(const pb_value *model)
{
    return data_of(model)->bos;
}

const char *pb_model_value_name(const pb_value *model)
{
    return data_of(model)->label;
}

static void model_repr(const pb_value *self, pb_buffer *out)
{
    const pb_model *model = pb_model_of(self);
    pb_buffer_text(out, "load(");
    pb_quote(pb_model_name(model), strlen(pb_model_name(model)), out);
    if (pb_model_is_raw(model))
        pb_buffer_text(out, ", raw=True");
    if (pb_model_adds_bos(self) != pb_model_prepends_start(model))
        pb_buffer_format(out, ", bos=%s", pb_model_adds_bos(self) ? "True" : "False");
    pb_buffer_byte(out, ')');
}

/* ---- the card ---- */

enum { FACT_TEXT = 48 };

/* 4321234 as "4.3 million". */
static void count_text(char *out, size_t size, size_t count)
{
    if (count >= 1000000000)
        snprintf(out, size, "%.2f billion", (double)count / 1e9);
    else if (count >= 1000000)
        snprintf(out, size, "%.1f million", (double)count / 1e6);
    else
        snprintf(out, size, "%zu", count);
}

/* The last two parts of a path: where a model lies, without the rest of somebody's disk. */
static const char *short_path(const char *path)
{
    const char *last = strrchr(path, '/');
    if (!last || last == path)
        return path;
    const char *start = last - 1;
    while (start > path && *start != '/')
        start--;
    return *start == '/' ? start + 1 : start;
}

/* Whether the start token is prepended, with its name unless it is GPT-2's, and why unless that is
 * the usual. */
static void start_text(const pb_value *self, char *out, size_t size)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(self));
    int32_t start = pb_tokenizer_start(tokenizer);
    const char *name = start == PB_NO_TOKEN ? "" : pb_tokenizer_label(tokenizer, start);
    const pb_model *model = pb_model_of(self);
    bool told = data_of(self)->bos != pb_model_prepends_start(model);
    const char *why = told ? "" : pb_model_start_reason(model);
    char how[FACT_TEXT + 16];
    snprintf(how, sizeof how, "%sprepended%s%s", data_of(self)->bos ? "" : "not ",
             why[0] ? ": " : "", why);
    if (start == PB_NO_TOKEN)
        snprintf(out, size, "none in the vocabulary");
    else if (strcmp(name, "<|endoftext|>") == 0)
        snprintf(out, size, "%s", how);
    else
        snprintf(out, size, "%.*s, %s", (int)pb_utf8_offset(name, strlen(name), 20), name, how);
}

/* Splits the text of pb_model_notes() into its lines, in place; gives how many. */
enum { MOST_NOTES = 12 };
static size_t split_notes(char *text, const char **notes)
{
    size_t n = 0;
    for (char *line = text, *end; n < MOST_NOTES && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        notes[n++] = line;
    }
    return n;
}

/* The facts of a card, which point into the texts beside them. */
enum { CARD_FACTS = 12, CARD_FAMILY_FACTS = 4 };
typedef struct card_facts {
    char numbers[8][FACT_TEXT], start[2 * FACT_TEXT + 32], groups[FACT_TEXT], turned[FACT_TEXT];
    pb_fact facts[CARD_FACTS + CARD_FAMILY_FACTS];
    size_t n;
} card_facts;

static void add_fact(card_facts *out, const char *name, const char *text)
{
    out->facts[out->n++] = (pb_fact){name, text, NULL};
}

/* In what a model differs from embedded positions, layer norms, a head's own keys and values, and
 * an MLP behind attention. */
static void add_family_facts(const pb_shape *s, card_facts *out)
{
    if (s->rotary_dim) {
        snprintf(out->turned, FACT_TEXT, "rotate %zu of %zu dimensions", s->rotary_dim, s->d_head);
        add_fact(out, "positions", out->turned);
    }
    if (s->rms || s->rotary_dim)
        add_fact(out, "norm", s->rms ? "root mean square" : "layer norm");
    if (s->n_kv_head != s->n_head) {
        snprintf(out->groups, FACT_TEXT, "%zu, each of %zu heads", s->n_kv_head,
                 s->n_head / s->n_kv_head);
        add_fact(out, "kv_heads", out->groups);
    }
    if (s->gated || s->parallel)
        add_fact(out, "mlp", s->gated ? "gated" : "beside attention");
}

static void fill_facts(const pb_value *self, card_facts *out)
{
    const pb_model *model = pb_model_of(self);
    const pb_shape *shape = pb_model_shape(model);
    char(*text)[FACT_TEXT] = out->numbers;
    start_text(self, out->start, sizeof out->start);
    snprintf(text[0], FACT_TEXT, "%zu", shape->n_layer);
    snprintf(text[1], FACT_TEXT, "%zu of %zu", shape->n_head, shape->d_head);
    snprintf(text[2], FACT_TEXT, "%zu", shape->d_model);
    snprintf(text[3], FACT_TEXT, "%zu", shape->d_mlp);
    snprintf(text[4], FACT_TEXT, "%zu", shape->n_positions);
    snprintf(text[5], FACT_TEXT, "%zu", shape->n_vocab);
    count_text(text[6], FACT_TEXT, pb_model_parameters(model));
    snprintf(text[7], FACT_TEXT, "%.1f", (double)pb_model_memory(model) / 1e6);
    const pb_fact facts[CARD_FACTS] = {
        {"layers", text[0], NULL},
        {"heads", text[1], "dimensions"},
        {"d_model", text[2], NULL},
        {"d_mlp", text[3], NULL},
        {"context", text[4], "tokens"},
        {"vocabulary", text[5], "tokens"},
        {"parameters", text[6], NULL},
        {"memory", text[7], "MB"},
        {"weights",
         pb_model_is_raw(model) ? "raw, as on disk" : "processed as TransformerLens does", NULL},
        {"on disk as", pb_model_dtype(model), NULL},
        {"start token", out->start, NULL},
        {"from", short_path(pb_model_path(model)), NULL},
    };
    memcpy(out->facts, facts, sizeof facts);
    out->n = CARD_FACTS;
    add_family_facts(shape, out);
}

/* The strip of blocks of a card, which point into the texts beside them. */
enum { CARD_BLOCKS = 4 };
typedef struct card_strip {
    char group[FACT_TEXT], heads[FACT_TEXT], mlp[FACT_TEXT], embed[FACT_TEXT], unembed[FACT_TEXT];
    pb_block blocks[CARD_BLOCKS];
} card_strip;

static void fill_strip(const pb_shape *shape, card_strip *out)
{
    snprintf(out->group, FACT_TEXT, "%zu layers, each", shape->n_layer);
    snprintf(out->heads, FACT_TEXT, "%zu heads", shape->n_head);
    snprintf(out->mlp, FACT_TEXT, "%zu neurons", shape->d_mlp);
    snprintf(out->embed, FACT_TEXT, "%zu dimensions", shape->d_model);
    snprintf(out->unembed, FACT_TEXT, "%zu logits", shape->n_vocab);
    const pb_block blocks[CARD_BLOCKS] = {{"embed", out->embed, NULL, 0},
                                          {"attention", out->heads, out->group, 1},
                                          {"mlp", out->mlp, out->group, 2},
                                          {"unembed", out->unembed, NULL, 0}};
    memcpy(out->blocks, blocks, sizeof blocks);
}

static pb_status model_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                            pb_error **error)
{
    (void)interp;
    const pb_model *model = pb_model_of(self);
    const pb_shape *shape = pb_model_shape(model);
    card_facts facts;
    card_strip strip;
    char subtitle[96];
    fill_facts(self, &facts);
    fill_strip(shape, &strip);
    snprintf(subtitle, sizeof subtitle, "%s: %zu layers, %zu heads, d_model %zu",
             pb_model_family(model), shape->n_layer, shape->n_head, shape->d_model);
    const char *notes[MOST_NOTES];
    char *lines = strdup(pb_model_notes(model));
    if (!lines)
        return pb_fail_memory(error);
    size_t n_notes = split_notes(lines, notes);
    pb_card_view view = {
        .words = {.title = pb_model_name(model), .notes = notes, .n_notes = n_notes},
        .subtitle = subtitle,
        .facts = facts.facts,
        .n_facts = facts.n,
        .blocks = strip.blocks,
        .n_blocks = CARD_BLOCKS};
    pb_bundle *card = NULL;
    pb_status status = pb_show_card(&view, &card, error);
    free(lines);
    return status ? status : pb_bundle_absorb(bundle, &card, error);
}

/* ---- what it answers ---- */

#define SHAPE_MEMBER(member, field)                                                                \
    static pb_status get_##member(pb_interp *interp, const pb_value *self, pb_value **result,      \
                                  pb_error **error)                                                \
    {                                                                                              \
        (void)interp;                                                                              \
        return pb_value_integer((int64_t)pb_model_shape(pb_model_of(self))->field, result, error); \
    }
SHAPE_MEMBER(n_layers, n_layer)
SHAPE_MEMBER(n_heads, n_head)
SHAPE_MEMBER(n_kv_heads, n_kv_head)
SHAPE_MEMBER(d_model, d_model)
SHAPE_MEMBER(d_head, d_head)
SHAPE_MEMBER(d_mlp, d_mlp)
SHAPE_MEMBER(d_vocab, n_vocab)
SHAPE_MEMBER(n_ctx, n_positions)
#undef SHAPE_MEMBER

static pb_status get_name(pb_interp *interp, const pb_value *self, pb_value **result,
                          pb_error **error)
{
    (void)interp;
    return pb_value_text(pb_model_name(pb_model_of(self)), result, error);
}

static pb_status get_path(pb_interp *interp, const pb_value *self, pb_value **result,
                          pb_error **error)
{
    (void)interp;
    return pb_value_text(pb_model_path(pb_model_of(self)), result, error);
}

static pb_status get_parameters(pb_interp *interp, const pb_value *self, pb_value **result,
                                pb_error **error)
{
    (void)interp;
    return pb_value_integer((int64_t)pb_model_parameters(pb_model_of(self)), result, error);
}

static const pb_member model_members[] = {
    {"name", "What the model is called.", get_name},
    {"path", "The folder it was read from.", get_path},
    {"n_layers", "How many layers it has.", get_n_layers},
    {"n_heads", "How many attention heads each layer has.", get_n_heads},
    {"n_kv_heads", "How many heads of keys and values each layer has.", get_n_kv_heads},
    {"d_model", "The width of the residual stream.", get_d_model},
    {"d_head", "The width of a head.", get_d_head},
    {"d_mlp", "Neurons in each MLP.", get_d_mlp},
    {"d_vocab", "Tokens in the vocabulary.", get_d_vocab},
    {"n_ctx", "The longest prompt, in tokens.", get_n_ctx},
    {"n_params", "How many weights it has.", get_parameters},
    {NULL, NULL, NULL}};

static pb_status model_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                 pb_value **result, pb_error **error)
{
    bool known = false;
    for (size_t i = 0; i < pb_model_weight_count() && !known; i++)
        known = strcmp(pb_model_weight_info(i)->name, name) == 0;
    if (!known)
        return PB_OK;
    pb_tensor *tensor = NULL;
    pb_status status = pb_model_weight(pb_model_of(self), name, PB_ALL_LAYERS,
                                       pb_interp_watch(interp), &tensor, error);
    if (status)
        return status;
    char caption[128];
    snprintf(caption, sizeof caption, "%s of %s", name, pb_model_value_name(self));
    return pb_result_tensor(&tensor, (pb_value *)self, NULL, NULL, caption, 0, NULL, result, error);
}

static void model_names(const pb_value *self, pb_names *names)
{
    for (size_t i = 0; i < pb_model_weight_count(); i++) {
        const pb_model_weight_row *row = pb_model_weight_info(i);
        if (self ? pb_model_has_weight(pb_model_of(self), i) : !row->raw_only)
            pb_names_add(names, row->name, "tensor", "");
    }
}

static bool model_foresee(const pb_value *self, const char *name, pb_prospect *prospect)
{
    const pb_model *model = self ? pb_model_of(self) : NULL;
    for (size_t i = 0; i < pb_model_weight_count(); i++) {
        const pb_model_weight_row *row = pb_model_weight_info(i);
        if (strcmp(row->name, name) != 0)
            continue;
        *prospect = (pb_prospect){.summary = row->summary};
        if (row->per_layer)
            prospect->axes[prospect->n_axes++] = "layer";
        for (size_t a = 0; a < 3 && row->axes[a]; a++)
            prospect->axes[prospect->n_axes++] = pb_model_axis_name(model, row->axes[a]);
        return true;
    }
    return false;
}

static void model_labels(const pb_value *self, const char *axis, const char *typed, pb_names *names)
{
    if (strcmp(axis, "token") == 0)
        pb_suggest_vocabulary(pb_model_of(self), typed, names);
}

/* model(prompt): what a PyTorch user writes to run a model. */
static pb_status model_call(pb_interp *interp, const pb_value *self, size_t count,
                            pb_value *const *arguments, pb_value **result, pb_error **error)
{
    (void)interp;
    (void)self;
    (void)count;
    (void)arguments;
    (void)result;
    pb_status status = pb_fail(error, PB_TYPE, "a model is not called; a prompt is run with run()");
    if (error)
        pb_error_hint(*error, "run(prompt).logits, or top(prompt) for the likeliest next tokens");
    return status;
}

static bool model_equal(const pb_value *a, const pb_value *b)
{
    return pb_model_id(pb_model_of(a)) == pb_model_id(pb_model_of(b));
}

const pb_object_type pb_model_type = {
    .name = "model",
    .article = "a model",
    .made_by = "load",
    .summary =
        "A language model: its shape, its weights (model.W_E, model.W_Q, ...) and its tokenizer.",
    .destroy = model_destroy,
    .repr = model_repr,
    .show = model_show,
    .named_in_lists = true,
    .shown_when_bound = true,
    .members = model_members,
    .attribute = model_attribute,
    .names = model_names,
    .foresee = model_foresee,
    .labels = model_labels,
    .call = model_call,
    .equal = model_equal};
