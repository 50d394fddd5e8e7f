/* logits(), tokens() and generate(): what the model says about words, prompts and what follows. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "display/table.h"
#include "display/tokens.h"
#include "domain.h"
#include "ranking.h"
#include "session/cell.h"
#include "show/values.h"
#include "study/generate.h"
#include "study/top.h"
#include "vectors.h"
#include "words.h"

/* ---- logits(prompts, words) ---- */

/* What a table of logits is made of: a column a word, a row a prompt. */
typedef struct logits_table {
    const pb_axis *words, *prompts; /* prompts: NULL for a single one */
    size_t n_words, n_rows;
    double *numbers; /* [word, row] */
    pb_column *columns;
    const char **labels; /* of rows */
    char **names;        /* of columns */
} logits_table;

/* Whether a tensor is one of words over prompts, or of words alone, few enough for a table. */
static bool is_logits_table(const pb_tensor *tensor, logits_table *table)
{
    int words = pb_tensor_find_axis(tensor, "token"),
        prompts = pb_tensor_find_axis(tensor, "prompt");
    if (words < 0 || pb_tensor_rank(tensor) > 2 || (pb_tensor_rank(tensor) == 2 && prompts < 0))
        return false;
    table->words = pb_tensor_axis(tensor, (size_t)words);
    table->prompts = prompts < 0 ? NULL : pb_tensor_axis(tensor, (size_t)prompts);
    table->n_words = pb_axis_length(table->words);
    table->n_rows = table->prompts ? pb_axis_length(table->prompts) : 1;
    return table->n_words <= 64;
}

static void logits_table_free(logits_table *table)
{
    for (size_t w = 0; table->names && w < table->n_words; w++)
        free(table->names[w]);
    free(table->names);
    free(table->labels);
    free(table->columns);
    free(table->numbers);
}

static pb_status fill_column(const pb_tensor *tensor, const char *unit, size_t w,
                             logits_table *table, pb_error **error)
{
    size_t n_rows = table->n_rows;
    bool word_last = pb_tensor_axis(tensor, 0) != table->words || !table->prompts;
    for (size_t r = 0; r < n_rows; r++)
        table->numbers[w * n_rows + r] =
            pb_tensor_data(tensor)[word_last ? r * table->n_words + w : w * n_rows + r];
    const char *label = pb_axis_label(table->words, w);
    pb_buffer name = PB_BUFFER_EMPTY;
    for (; label && *label == ' '; label++)
        pb_buffer_text(&name, "\xC2\xB7");
    pb_buffer_text(&name, label ? label : "");
    table->names[w] = pb_buffer_take(&name);
    if (!table->names[w])
        return pb_fail_memory(error);
    table->columns[w] = (pb_column){.name = table->names[w],
                                    .unit = unit,
                                    .kind = PB_COLUMN_NUMBER,
                                    .numbers = table->numbers + w * n_rows,
                                    .format = {.style = PB_NUMBER_FIXED, .digits = 2},
                                    .shade = PB_SHADE_AUTO,
                                    .shade_group = 1};
    return PB_OK;
}

static pb_status fill_logits_table(const pb_tensor *tensor, const char *unit, logits_table *table,
                                   pb_error **error)
{
    table->numbers = pb_malloc(table->n_rows * table->n_words, sizeof *table->numbers);
    table->columns = pb_calloc(table->n_words, sizeof *table->columns);
    table->labels = pb_malloc(table->n_rows, sizeof *table->labels);
    table->names = pb_calloc(table->n_words, sizeof *table->names);
    if (!table->numbers || !table->columns || !table->labels || !table->names)
        return pb_fail_memory(error);
    for (size_t r = 0; r < table->n_rows; r++)
        table->labels[r] = table->prompts ? pb_axis_label(table->prompts, r) : NULL;
    pb_status status = PB_OK;
    for (size_t w = 0; w < table->n_words && !status; w++)
        status = fill_column(tensor, unit, w, table, error);
    return status;
}

static pb_status logits_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                             pb_error **error)
{
    (void)interp;
    const pb_tensor *tensor = pb_value_get_tensor(self);
    const pb_meta *meta = pb_value_meta(self);
    const pb_words words = {.caption = meta->caption};
    logits_table table = {0};
    pb_bundle *shown = NULL;
    if (!is_logits_table(tensor, &table))
        return pb_show_values(self, &words, meta->units ? meta->units : "value", bundle, error);
    pb_status status = fill_logits_table(tensor, meta->units, &table, error);
    if (!status) {
        pb_table_view view = {.words = words,
                              .n_rows = table.n_rows,
                              .n_columns = table.n_words,
                              .columns = table.columns,
                              .row_name = table.prompts ? "prompt" : NULL,
                              .row_labels = table.prompts ? table.labels : NULL};
        status = pb_show_table(&view, &shown, error);
    }
    if (!status)
        status = pb_bundle_absorb(bundle, &shown, error);
    logits_table_free(&table);
    return status;
}

static const pb_look logits_look = {.name = "logits",
                                    .article = "logits",
                                    .summary = "Logits of chosen words.",
                                    .show = logits_show};

/* The axis of words: coordinates are ids, labels their texts. */
pb_status pb_axis_of_words(pb_model *model, const pb_targets *words, pb_axis **axis,
                           pb_error **error)
{
    int64_t *ids = pb_malloc(words->count, sizeof *ids);
    const char **labels = pb_malloc(words->count, sizeof *labels);
    pb_status status = ids && labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < words->count && !status; i++) {
        ids[i] = words->ids[i];
        labels[i] = pb_tokenizer_label(pb_model_tokenizer(model), words->ids[i]);
        for (size_t j = 0; j < i && !status; j++)
            if (ids[j] == ids[i])
                status = pb_fail(error, PB_VALUE, "\"%s\" is among the words twice", labels[i]);
    }
    if (!status)
        status = pb_axis_create("token", words->count, ids, labels, axis, error);
    free(ids);
    free(labels);
    return status;
}

/* "Logits of the next token after "I love", on reviews-4m" */
static void logits_caption(const pb_prompts *prompts, const pb_targets *words,
                           const pb_select *position, const pb_value *written, pb_buffer *caption)
{
    char *title = prompts->many ? NULL : pb_prompts_title(prompts, 0, position, 80);
    char *word = words->many ? NULL : pb_token_text(prompts->engine, words->ids[0]);
    pb_buffer_format(caption, "Logit%s of %s%s", word ? "" : "s", word ? word : "the next token",
                     word ? " as the next token" : "");
    if (title)
        pb_buffer_format(caption, " after %s", title);
    if (prompts->many && pb_value_get_number(written) != -1) {
        pb_buffer_text(caption, " after position ");
        pb_value_repr(written, false, caption);
    }
    pb_buffer_format(caption, ", on %s", pb_model_value_name(prompts->model));
    if (prompts->edits)
        pb_buffer_byte(caption, '.');
    pb_prompts_edits(prompts, caption);
    free(title);
    free(word);
}

/* The logits themselves: of these words, at one position of every prompt. */
static pb_status read_logits(pb_call *call, const pb_prompts *prompts, const pb_targets *words,
                             pb_axis *tokens, const pb_select *position, pb_tensor **tensor,
                             pb_error **error)
{
    pb_context context = pb_call_context(call);
    pb_axis *rows = NULL;
    pb_status status = PB_OK;
    if (!prompts->axis)
        status = pb_axis_create("prompt", 1, NULL, NULL, &rows, error);
    if (!status)
        status =
            pb_place_answer(call, "pos", prompts,
                            pb_logits_of(prompts->runs, prompts->axis ? prompts->axis : rows,
                                         position, words->ids, tokens, &context, tensor, error),
                            error);
    if (!status)
        status = pb_drop_single_axis(tensor, "prompt", !prompts->many, error);
    if (!status)
        status = pb_drop_single_axis(tensor, "token", !words->many, error);
    pb_axis_release(&rows);
    return status;
}

static pb_status call_logits(pb_call *call, pb_value **result, pb_error **error)
{
    pb_prompts prompts = {0};
    pb_targets words = {0};
    pb_select *position = NULL;
    pb_axis *tokens = NULL;
    pb_tensor *tensor = NULL;
    if (pb_is_of_vectors(pb_argument_value(call, "prompts")))
        return pb_logits_of_vectors(call, result, error);
    pb_status status = pb_prompts_take(call, "prompts", 0, NULL, &prompts, error);
    if (!status)
        status = pb_targets_take(call, "words", prompts.engine, 0, &words, error);
    if (!status)
        status = pb_place_argument(call, "words",
                                   pb_axis_of_words(prompts.engine, &words, &tokens, error), error);
    if (!status)
        status = pb_positions_take(call, "pos", PB_ONE_POSITION, &position, error);
    if (!status && position && position->kind == PB_SELECT_PER && position->n_items != 1)
        status = pb_fail_argument(call, "pos", error, PB_VALUE,
                                  "logits() reads the same position of every prompt; logit() takes "
                                  "per([...])");
    if (!status)
        status = read_logits(call, &prompts, &words, tokens, position, &tensor, error);
    if (!status) {
        pb_buffer caption = PB_BUFFER_EMPTY;
        bool number = pb_tensor_rank(tensor) == 0;
        logits_caption(&prompts, &words, position, pb_argument_value(call, "pos"), &caption);
        status = pb_result_captioned(&tensor, prompts.model, number ? NULL : &logits_look, "logits",
                                     &caption, 0, NULL, result, error);
    }
    pb_tensor_release(&tensor);
    pb_axis_release(&tokens);
    pb_select_destroy(&position);
    pb_targets_free(&words);
    pb_prompts_free(&prompts);
    return status;
}

/* ---- tokens(prompts) ---- */

static void tokens_destroy(void *data)
{
    pb_token_lists *lists = data;
    if (!lists)
        return;
    pb_token_lists_free(lists);
    free(lists);
}

static void tokens_repr(const pb_value *self, pb_buffer *out)
{
    const pb_token_lists *lists = pb_value_object(self, &pb_tokens_type);
    const pb_model *model = pb_model_of(lists->model);
    for (size_t i = 0; i < lists->count; i++) {
        pb_buffer_text(out, i ? "; " : "");
        for (size_t t = 0; t < lists->counts[i]; t++) {
            char *token = pb_token_text(model, lists->ids[i][t]);
            pb_buffer_format(out, "%s%s", t ? " " : "", token ? token : "?");
            free(token);
        }
    }
}

/* tokens() shows at most so many tokens of a text; .ids has all. */
enum { MOST_SHOWN = 4096 };

static size_t shown_tokens(const pb_token_lists *lists, size_t which)
{
    return lists->counts[which] < MOST_SHOWN ? lists->counts[which] : MOST_SHOWN;
}

/* Says in the caption that the longest text is longer than the model's context, and where that
 * ends. */
static void say_context(const pb_token_lists *lists, pb_buffer *caption)
{
    const pb_model *model = pb_model_of(lists->model);
    size_t context = pb_model_shape(model)->n_positions, longest = 0;
    for (size_t i = 0; i < lists->count; i++)
        longest = lists->counts[i] > longest ? lists->counts[i] : longest;
    if (longest > context)
        pb_buffer_format(caption,
                         "%zu tokens%s; the context of %s ends after position %zu, and a prompt "
                         "that is run has to end there.",
                         longest, lists->count > 1 ? " in the longest" : "",
                         pb_model_value_name(lists->model), context - 1);
    if (longest > MOST_SHOWN)
        pb_buffer_format(caption, " The first %d are shown; .ids has all.", MOST_SHOWN);
}

/* Says which added tokens, such as <|endoftext|>, the texts have behind their start: a person may
 * have meant them as plain characters. */
static void name_added(const pb_token_lists *lists, pb_buffer *out)
{
    enum { SHOWN = 4 };
    const pb_model *model = pb_model_of(lists->model);
    const pb_tokenizer *tokenizer = pb_model_tokenizer(model);
    int32_t named[SHOWN];
    size_t n = 0;
    for (size_t i = 0; i < lists->count; i++)
        for (size_t t = 0; t < lists->counts[i] && n < SHOWN; t++) {
            int32_t id = lists->ids[i][t];
            bool known = (t == 0 && id == pb_tokenizer_start(tokenizer)) ||
                         !pb_tokenizer_is_added(tokenizer, id);
            for (size_t k = 0; k < n && !known; k++)
                known = named[k] == id;
            if (known)
                continue;
            char *text = pb_token_text(model, id);
            pb_buffer_format(out, "%s%s", n ? ", " : out->length ? " " : "", text ? text : "?");
            free(text);
            named[n++] = id;
        }
    if (n > 0)
        pb_buffer_text(out, n == 1 ? " is one token wherever a text has it."
                                   : " are one token each wherever a text has them.");
}

/* The rows of a picture of tokens. Each row's tokens and ids are its own. */
static void token_rows_free(pb_token_row *rows, size_t count)
{
    for (size_t i = 0; rows && i < count; i++) {
        free((void *)rows[i].tokens);
        free((void *)rows[i].ids);
    }
    free(rows);
}

static pb_status fill_token_row(const pb_token_lists *lists, size_t which, pb_token_row *row,
                                pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(lists->model));
    size_t count = shown_tokens(lists, which);
    const char **tokens = pb_malloc(count, sizeof *tokens);
    int64_t *ids = pb_malloc(count, sizeof *ids);
    *row = (pb_token_row){.count = count, .tokens = tokens, .ids = ids};
    if (!tokens || !ids)
        return pb_fail_memory(error);
    for (size_t t = 0; t < count; t++) {
        tokens[t] = pb_tokenizer_label(tokenizer, lists->ids[which][t]);
        ids[t] = lists->ids[which][t];
    }
    return PB_OK;
}

static pb_status tokens_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                             pb_error **error)
{
    (void)interp;
    const pb_token_lists *lists = pb_value_object(self, &pb_tokens_type);
    pb_token_row *rows = pb_calloc(lists->count, sizeof *rows);
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_bundle *shown = NULL;
    pb_status status = rows ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < lists->count && !status; i++)
        status = fill_token_row(lists, i, &rows[i], error);
    say_context(lists, &caption);
    name_added(lists, &caption);
    if (!status)
        status = pb_buffer_status(&caption, error);
    if (!status) {
        pb_tokens_view view = {
            .words = {.caption = caption.data}, .rows = rows, .n_rows = lists->count};
        status = pb_show_tokens(&view, &shown, error);
    }
    if (!status)
        status = pb_bundle_absorb(bundle, &shown, error);
    token_rows_free(rows, lists->count);
    pb_buffer_free(&caption);
    return status;
}

/* The tokens of one prompt as strings, or as numbers. */
static pb_status token_list(const pb_token_lists *lists, size_t which, bool numbers,
                            pb_value **result, pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(lists->model));
    pb_list_builder list = {0};
    for (size_t t = 0; t < lists->counts[which]; t++) {
        int32_t id = lists->ids[which][t];
        if (numbers)
            pb_list_take_number(&list, id, PB_INTEGER);
        else
            pb_list_take_text(&list, pb_tokenizer_label(tokenizer, id));
    }
    return pb_list_finish(&list, false, result, error);
}

static pb_status token_lists(const pb_value *self, bool numbers, pb_value **result,
                             pb_error **error)
{
    const pb_token_lists *lists = pb_value_object(self, &pb_tokens_type);
    if (!lists->many)
        return token_list(lists, 0, numbers, result, error);
    pb_list_builder all = {0};
    for (size_t i = 0; !all.status && i < lists->count; i++) {
        pb_value *one = NULL;
        all.status = token_list(lists, i, numbers, &one, &all.error);
        pb_list_take(&all, one);
    }
    return pb_list_finish(&all, false, result, error);
}

static pb_status get_labels(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    (void)interp;
    return token_lists(self, false, result, error);
}

static pb_status get_ids(pb_interp *interp, const pb_value *self, pb_value **result,
                         pb_error **error)
{
    (void)interp;
    return token_lists(self, true, result, error);
}

enum { TOKEN_COLUMNS = 4 };

static void add_token_row(const pb_token_lists *lists, size_t which, size_t position,
                          pb_list_builder columns[TOKEN_COLUMNS])
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(lists->model));
    int32_t id = lists->ids[which][position];
    pb_list_take_number(&columns[0], (double)which, PB_INTEGER);
    pb_list_take_number(&columns[1], (double)position, PB_INTEGER);
    pb_list_take_text(&columns[2], pb_tokenizer_label(tokenizer, id));
    pb_list_take_number(&columns[3], id, PB_INTEGER);
}

/* One row a prompt and position: what csv() and save() write. */
static pb_status get_table(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    static const struct {
        const char *name;
        pb_cells_look look;
    } heads[TOKEN_COLUMNS] = {{"prompt", PB_CELLS_KEY},
                              {"position", PB_CELLS_KEY},
                              {"token", PB_CELLS_TOKEN},
                              {"id", PB_CELLS_PLAIN}};
    const pb_token_lists *lists = pb_value_object(self, &pb_tokens_type);
    pb_list_builder cells[TOKEN_COLUMNS] = {{0}};
    pb_table_builder made = {.keeper = pb_interp_keeper(interp), .model = lists->model};
    for (size_t i = 0; i < lists->count; i++)
        for (size_t t = 0; t < lists->counts[i]; t++)
            add_token_row(lists, i, t, cells);
    for (size_t c = 0; c < TOKEN_COLUMNS; c++)
        pb_table_take_list(&made, &cells[c],
                           (pb_table_cells){.name = heads[c].name, .look = heads[c].look});
    return pb_table_finish(&made, result, error);
}

static pb_status tokens_items(pb_interp *interp, const pb_value *self, pb_value **list,
                              pb_error **error)
{
    (void)interp;
    return token_lists(self, false, list, error);
}

/* tokens(love)[2]: the token at a position; negative ones count from the end. */
static pb_status tokens_index(pb_interp *interp, const pb_value *self, size_t count,
                              const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    const pb_token_lists *lists = pb_value_object(self, &pb_tokens_type);
    size_t length = lists->many ? lists->count : lists->counts[0];
    double index = count == 1 && !entries[0].name ? pb_value_get_number(entries[0].value) : NAN;
    if (index >= (double)length || index < -(double)length)
        return pb_fail(error, PB_RANGE,
                       lists->many ? "there is no prompt %.0f; the %zu prompts are counted from 0 "
                                     "to %zu"
                                   : "there is no position %.0f; the %zu tokens have the positions "
                                     "0 to %zu",
                       index, length, length - 1);
    pb_value *list = NULL;
    pb_status status = token_lists(self, false, &list, error);
    if (!status)
        status = pb_interp_index(interp, list, count, entries, result, error);
    pb_value_release(&list);
    return status;
}

static const pb_member tokens_members[] = {{"labels", "The tokens as strings.", get_labels},
                                           {"ids", "The tokens as numbers.", get_ids},
                                           {"table", "A row for each token.", get_table},
                                           {NULL, NULL, NULL}};

const pb_object_type pb_tokens_type = {.name = "tokens",
                                       .article = "tokens",
                                       .summary = "Prompts cut into tokens, lined up.",
                                       .destroy = tokens_destroy,
                                       .repr = tokens_repr,
                                       .show = tokens_show,
                                       .members = tokens_members,
                                       .index = tokens_index,
                                       .items = tokens_items};

static pb_status call_tokens(pb_call *call, pb_value **result, pb_error **error)
{
    pb_token_lists *lists = pb_calloc(1, sizeof *lists);
    if (!lists)
        return pb_fail_memory(error);
    pb_status status = pb_token_lists_take(call, "prompts", lists, error);
    if (!status)
        return pb_value_take_object(&pb_tokens_type, lists, result, error);
    free(lists);
    return status;
}

/* ---- generate(prompt) ---- */

/* What was written before an interrupt is worth having. */
static pb_status halt_generate(pb_call *call, const pb_prompts *prompts, size_t which, size_t count,
                               size_t n_tokens, pb_error **error)
{
    if (!prompts->many)
        return pb_interp_halt(call->interp, error, "generate was stopped after %zu of %zu tokens",
                              count, n_tokens);
    return pb_interp_halt(call->interp, error,
                          "generate was stopped in prompt %zu of %zu, after %zu of %zu tokens",
                          which + 1, prompts->count, count, n_tokens);
}

/* Writes on from one prompt. */
static pb_status generate_one(pb_call *call, const pb_prompts *prompts, size_t which,
                              const pb_generate_spec *spec, bool *partial, pb_value **result,
                              pb_error **error)
{
    pb_context context = pb_call_context(call);
    int32_t *ids = NULL;
    char *text = NULL;
    size_t count = 0, length = 0;
    pb_status status =
        pb_generate(prompts->runs[which], spec, &context, &ids, &count, partial, error);
    if (!status && *partial)
        status = halt_generate(call, prompts, which, count, spec->n_tokens, error);
    if (!status)
        status = pb_tokenizer_decode(pb_model_tokenizer(prompts->engine), ids, count, &text,
                                     &length, error);
    if (!status) {
        pb_buffer whole = PB_BUFFER_EMPTY;
        status = pb_prompt_bytes(prompts->runs[which], prompts->texts[which], &whole, error);
        pb_buffer_append(&whole, text, length);
        if (!status)
            status = pb_value_take_buffer(&whole, result, error);
        pb_buffer_free(&whole);
    }
    free(ids);
    free(text);
    return status == PB_LIMIT
               ? pb_place_argument(call, "n", status, error)
               : pb_place_argument(call, pb_given(call, "edit") ? "edit" : "prompt", status, error);
}

/* Whether an edit reaches the tokens that are written after the prompts. */
static const char *reach_of(const pb_edit *edit, const pb_prompts *prompts)
{
    bool all = true, none = true;
    for (size_t i = 0; i < prompts->count; i++) {
        size_t end = pb_edit_end(edit, i);
        all = all && end == SIZE_MAX;
        none = none && end <= pb_run_length(prompts->runs[i]);
    }
    return all    ? ", new tokens included"
           : none ? "; new tokens are not edited"
                  : "; new tokens are edited as far as it has values for them";
}

/* A string has no caption, so the edits that were on while it was generated are printed. */
static void say_edits(pb_call *call, const pb_edits *edits, const pb_prompts *prompts)
{
    pb_buffer said = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < edits->count; i++) {
        char *text = pb_edit_describe(edits->items[i]);
        pb_buffer_format(&said, "generated with %s%s\n", text ? text : "an edit",
                         reach_of(edits->items[i], prompts));
        free(text);
    }
    if (said.length && !said.failed)
        pb_interp_text(call->interp, 1, said.data, said.length);
    pb_buffer_free(&said);
}

static pb_status take_generate(pb_call *call, pb_generate_spec *spec, pb_prompts *prompts,
                               pb_edits *edits, pb_error **error)
{
    *spec = (pb_generate_spec){.stop_at_end = true,
                               .temperature = (float)pb_argument_number(call, "temperature"),
                               .seed = (uint64_t)pb_argument_integer(call, "seed")};
    pb_status status = pb_argument_count(call, "n", &spec->n_tokens, error);
    if (!status && !(spec->temperature >= 0 && spec->temperature < INFINITY))
        status = pb_fail_argument(call, "temperature", error, PB_VALUE,
                                  "the temperature is a number from 0 up: 0 takes the likeliest "
                                  "token, 1 samples as the model says");
    if (!status)
        status = pb_argument_count(call, "top_k", &spec->top_k, error);
    if (!status)
        status = pb_prompts_take(call, "prompt", PB_PROMPTS_IGNORE_EDIT, NULL, prompts, error);
    if (!status)
        status = pb_edits_take(call, "edit", prompts->model, edits, error);
    spec->edits = edits->items;
    spec->n_edits = edits->count;
    spec->of = prompts->count;
    return status;
}

static pb_status call_generate(pb_call *call, pb_value **result, pb_error **error)
{
    pb_prompts prompts = {0};
    pb_edits edits = {0};
    pb_generate_spec spec;
    pb_list_builder list = {0};
    pb_value *texts = NULL;
    bool partial = false;
    list.status = take_generate(call, &spec, &prompts, &edits, &list.error);
    for (size_t i = 0; i < prompts.count && !list.status && !partial; i++) {
        pb_value *text = NULL;
        spec.which = i;
        list.status = generate_one(call, &prompts, i, &spec, &partial, &text, &list.error);
        if (list.status == PB_INTERRUPTED && i > 0) {
            pb_error_destroy(&list.error);
            partial = true;
            list.status = halt_generate(call, &prompts, i, 0, spec.n_tokens, &list.error);
        } else {
            pb_list_take(&list, text);
        }
    }
    pb_status status = pb_list_finish(&list, false, &texts, error);
    if (!status)
        say_edits(call, &edits, &prompts);
    *result = pb_value_retain(prompts.many ? texts : pb_list_item(texts, 0));
    pb_value_release(&texts);
    pb_edits_free(&edits);
    pb_prompts_free(&prompts);
    return status;
}

const pb_builtin pb_builtins_predict[] = {
    {.name = "logits",
     .category = "Predictions",
     .summary = "Logits of words as the next token: prompts x words.",
     .doc = "Every prompt with every word. The logits are from processed weights: centred over the "
            "vocabulary, so that their differences count.",
     .result = "a tensor [prompt, token]; one prompt or one word drops its axis",
     .example = "logits([\"I love it\", \"I hate it\"], [\" great\", \" bad\"]) > 0",
     .needs_model = true,
     .see = "logit top",
     .parameters = {{.name = "prompts",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE | PB_TAKES_TENSOR,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "words",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER,
                     .what = "words that are one token each"},
                    {.name = "pos",
                     .types = PB_TAKES_ANY_NAME,
                     .what = "a position: -1, 2, \" love\", at(...)",
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "-1"}},
     .also = {pb_prompt_group},
     .function = call_logits},
    {.name = "tokens",
     .category = "Prompts and runs",
     .summary = "How prompts are cut into tokens, lined up, with what differs marked.",
     .doc =
         "Position 0 is the start token <|endoftext|>, unless bos=False. A leading space is "
         "shown as \xC2\xB7. Tokens that were added to a vocabulary, <|endoftext|> and its like, "
         "are one token wherever a text has them, as in transformers; the caption names them. A "
         "text may be longer than the context; where that ends is said.",
     .result = "tokens; .labels and .ids are lists",
     .example = "tokens(\"I love this movie\")[2]",
     .expected = "' love'",
     .needs_model = true,
     .see = "run prompt",
     .parameters = {{.name = "prompts",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "model",
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a model",
                     .fallback = "None",
                     .objects = {&pb_model_type}},
                    {.name = "bos",
                     .mode = PB_PARAMETER_KEYWORD,
                     .types = PB_TAKES_BOOL,
                     .fallback = "None"}},
     .function = call_tokens},
    {.name = "generate",
     .category = "Predictions",
     .summary = "Writes on from a prompt.",
     .doc = "With temperature 0 always the likeliest token; else sampled, among the `top_k` "
            "likeliest if that is given. The same seed gives the same text. Edits reach every new "
            "token.",
     .result = "a string: the prompt and what follows; for a list of prompts a list of strings",
     .example = "generate(\"The capital of France is\", n=1)",
     .expected = "'The capital of France is Paris'",
     .needs_model = true,
     .see = "top",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "n", .types = PB_TAKES_INTEGER, .fallback = "20"},
                    {.name = "temperature",
                     .types = PB_TAKES_NUMBER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "0"},
                    {.name = "top_k",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "0"},
                    {.name = "seed",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "0"}},
     .also = {pb_prompt_group},
     .function = call_generate},
    {0}};
