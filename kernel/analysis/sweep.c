/* The ends of a sweep, its caption, and how it shows. */
#include "sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "display/table.h"
#include "show/values.h"
#include "show/views.h"
#include "value/text.h"

/* ---- how a sweep shows ---- */

static double field_number(const pb_meta *meta, const char *name)
{
    const pb_value *value = pb_meta_field(meta, name);
    return value && pb_value_kind(value) == PB_NUMBER ? pb_value_get_number(value) : NAN;
}

const pb_tensor *pb_sweep_changes(const pb_value *sweep)
{
    const pb_value *change = pb_meta_field(pb_value_meta(sweep), "change");
    const pb_tensor *tensor = change ? pb_value_get_tensor(change) : NULL;
    bool fits = tensor && pb_tensor_size(tensor) == pb_tensor_size(pb_value_get_tensor(sweep));
    return fits ? tensor : NULL;
}

/* What a sweep's values are called. Something computed from sweeps looks like one, but its values
 * are no longer the metric of patched runs. */
static const char *value_name(const pb_meta *meta)
{
    return pb_meta_field(meta, "into") ? "patched" : "value";
}

/* A row for each place: the patched metric, and its change from `into`. */
static pb_status sweep_table(const pb_value *self, const pb_words *words, pb_bundle **bundle,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self), *changes = pb_sweep_changes(self);
    const pb_meta *meta = pb_value_meta(self);
    double *values = pb_doubles_of(tensor), *change = pb_doubles_of(changes ? changes : tensor);
    pb_status status = values && change ? PB_OK : pb_fail_memory(error);
    if (!status) {
        pb_column columns[] = {{.name = value_name(meta),
                                .unit = meta->units,
                                .kind = PB_COLUMN_NUMBER,
                                .numbers = values},
                               {.name = "change",
                                .unit = meta->units,
                                .kind = PB_COLUMN_NUMBER,
                                .numbers = change,
                                .format = {.sign = true},
                                .shade = PB_SHADE_DIVERGING}};
        status =
            pb_table_of(pb_tensor_axis(tensor, 0), columns, changes ? 2 : 1, words, bundle, error);
    }
    free(values);
    free(change);
    return status;
}

/* "13.87 logits, -1.795 from unpatched", the caption under it. */
static pb_status sweep_number(const pb_value *self, const pb_words *words, pb_bundle *bundle,
                              pb_error **error)
{
    const pb_meta *meta = pb_value_meta(self);
    const pb_value *normal = pb_meta_field(meta, "normalized");
    double numbers[] = {pb_tensor_data(pb_value_get_tensor(self))[0], field_number(meta, "into")};
    if (isnan(numbers[1]) || (normal && pb_value_get_bool(normal)))
        return pb_show_values(self, words, value_name(meta), bundle, error);
    char patched[PB_NUMBER_SIZE], change[PB_NUMBER_SIZE];
    pb_number_format format = pb_number_settle((pb_number_format){0}, numbers, 2);
    pb_number_write(patched, numbers[0], format);
    format.sign = true;
    pb_number_write(change, numbers[0] - numbers[1], format);
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "%s%s%s, %s from unpatched", patched, meta->units ? " " : "",
                     meta->units ? meta->units : "", change);
    if (words->caption)
        pb_buffer_format(&text, "\n%s", words->caption);
    for (size_t i = 0; i < words->n_notes; i++)
        pb_buffer_format(&text, "\n%s%s", i ? "" : "\n", words->notes[i]);
    return pb_bundle_give(bundle, "text/plain", pb_buffer_take(&text), false, error);
}

static pb_status sweep_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                            pb_error **error)
{
    (void)interp;
    const pb_meta *meta = pb_value_meta(self);
    size_t rank = pb_tensor_rank(pb_value_get_tensor(self));
    const char **notes = NULL;
    size_t n_notes = 0;
    pb_bundle *shown = NULL;
    pb_status status = pb_notes_of(self, &notes, &n_notes, error);
    pb_words words = {.caption = meta->caption, .notes = notes, .n_notes = n_notes};
    if (!status && rank == 0)
        status = sweep_number(self, &words, bundle, error);
    else if (!status && rank == 1)
        status = sweep_table(self, &words, &shown, error);
    else if (!status)
        status = pb_show_values(self, &words, value_name(meta), bundle, error);
    free(notes);
    return status || !shown ? status : pb_bundle_absorb(bundle, &shown, error);
}

static const pb_look sweep_look = {
    .name = "patch",
    .article = "a patch sweep",
    .summary = "The metric at each patched place; .into and .from are its ends, .change the "
               "difference from .into.",
    .show = sweep_show};

/* ---- both ends ---- */

size_t pb_ends_count(const pb_ends *ends)
{
    return ends->into.count > ends->from.count ? ends->into.count : ends->from.count;
}

const pb_prompts *pb_ends_prompts(const pb_ends *ends)
{
    return ends->into.count >= ends->from.count ? &ends->into : &ends->from;
}

/* Refuses pairs of prompts with different lengths; of several pairs the error says which one. */
static pb_status check_lengths(const pb_ends *ends, const char *what, pb_error **error)
{
    for (size_t i = 0; i < pb_ends_count(ends); i++) {
        const pb_run *into = ends->into.runs[ends->into.count > 1 ? i : 0];
        const pb_run *from = ends->from.runs[ends->from.count > 1 ? i : 0];
        if (pb_run_length(into) == pb_run_length(from))
            continue;
        char sentence[160];
        if (pb_ends_count(ends) > 1)
            snprintf(sentence, sizeof sentence,
                     "%s needs prompts of the same length, and those of pair %zu are not", what, i);
        else
            snprintf(sentence, sizeof sentence, "%s needs prompts of the same length", what);
        return pb_lengths_differ((pb_named_run){"into", into}, (pb_named_run){"from", from},
                                 sentence, error);
    }
    return PB_OK;
}

pb_status pb_ends_take(pb_call *call, const char *what, pb_ends *ends, pb_error **error)
{
    pb_prompts *into = &ends->into, *from = &ends->from;
    pb_status status = pb_prompts_take(call, "into", PB_PROMPTS_KEEP_QKV, NULL, into, error);
    if (!status)
        status = pb_prompts_take(call, "from", PB_PROMPTS_KEEP_QKV, into, from, error);
    if (status)
        return status;
    if (into->count != from->count && into->count != 1 && from->count != 1)
        return pb_fail_argument(call, "from", error, PB_VALUE,
                                "into has %zu prompts and from has %zu; give as many, or one that "
                                "all share",
                                into->count, from->count);
    ends->axis = into->axis && into->count >= from->count ? into->axis : from->axis;
    if (!ends->axis)
        ends->axis = into->axis;
    return pb_place_argument(call, "from", check_lengths(ends, what, error), error);
}

void pb_ends_free(pb_ends *ends)
{
    pb_prompts_free(&ends->into);
    pb_prompts_free(&ends->from);
    ends->axis = NULL;
}

/* ---- captions ---- */

static void edited_ends(const pb_ends *ends, pb_buffer *caption)
{
    const char *into = ends->into.edits, *from = ends->from.edits;
    if (into && from && strcmp(into, from) == 0) {
        pb_buffer_format(caption, " Both run with edits: %s.", into);
        return;
    }
    if (into)
        pb_buffer_format(caption, " Into runs with edits: %s.", into);
    if (from)
        pb_buffer_format(caption, " From runs with edits: %s.", from);
}

static double mean_of(const pb_tensor *tensor)
{
    double sum = 0;
    for (size_t i = 0; i < pb_tensor_size(tensor); i++)
        sum += pb_tensor_data(tensor)[i];
    return sum / (double)pb_tensor_size(tensor);
}

/* " Unpatched 15.67; in the other prompt 11.70.", of several pairs their means. */
static void end_values(const pb_ends *ends, const pb_found_sweep *found, pb_buffer *caption)
{
    char unpatched[PB_NUMBER_SIZE], other[PB_NUMBER_SIZE];
    double ends_of[] = {mean_of(found->into), mean_of(found->from)};
    pb_number_format format = pb_number_settle((pb_number_format){0}, ends_of, 2);
    pb_number_write(unpatched, ends_of[0], format);
    pb_number_write(other, ends_of[1], format);
    if (pb_tensor_rank(found->into) == 0 && pb_tensor_rank(found->from) == 0)
        pb_buffer_format(caption, " Unpatched %s; in the other prompt %s.", unpatched, other);
    else
        pb_buffer_format(caption, " Mean of %zu pair%s: unpatched %s; in the other prompt%s %s.",
                         pb_ends_count(ends), pb_ends_count(ends) == 1 ? "" : "s", unpatched,
                         pb_ends_count(ends) == 1 ? "" : "s", other);
}

static const char unfinished[] = " Interrupted: what was not computed is empty.";

static void sweep_caption(const pb_buffer *what, const pb_ends *ends, const pb_bound_metric *metric,
                          const pb_found_sweep *found, bool of_means, pb_buffer *caption)
{
    char *to = ends->into.many ? NULL : pb_prompt_title(ends->into.texts[0], 60);
    char *of = ends->from.many ? NULL : pb_prompt_title(ends->from.texts[0], 60);
    pb_buffer_format(caption, "%s, patched into %s from %s: %s", what->data ? what->data : "",
                     to ? to : "each prompt",
                     of                ? of
                     : ends->into.many ? "its pair"
                                       : "each prompt",
                     metric->name);
    if (found->normalized)
        pb_buffer_text(caption, " (0 is unpatched, 1 is the other prompt)");
    else if (metric->units && !strstr(metric->name, metric->units))
        pb_buffer_format(caption, " (%s)", metric->units);
    if (of_means)
        pb_buffer_format(caption, ", over %zu pair%s: ratio of the means", pb_ends_count(ends),
                         pb_ends_count(ends) == 1 ? "" : "s");
    pb_buffer_byte(caption, '.');
    end_values(ends, found, caption);
    edited_ends(ends, caption);
    pb_buffer_text(caption, found->partial && !found->noted ? unfinished : "");
    caption->failed = caption->failed || what->failed;
    free(to);
    free(of);
}

/* ---- its value ---- */

/* What patching changed, values - into, under the sweep's caption. */
static pb_status change_of(const pb_found_sweep *found, pb_value *model, const char *units,
                           const pb_buffer *caption, pb_value **result, pb_error **error)
{
    pb_tensor *change = NULL;
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_status status = pb_tensor_binary(PB_SUB, *found->values, found->into, NULL, &change, error);
    if (status)
        return status;
    pb_buffer_format(&text, "Change from the unpatched value: %s%s",
                     caption->data ? caption->data : "",
                     found->partial && found->noted ? unfinished : "");
    return pb_result_captioned(&change, model, NULL, units, &text, 0, NULL, result, error);
}

/* " Empty: pair 2, whose ends float32 cannot tell apart." of ratios [prompt, ...]. */
static void say_equal_ends(const pb_found_sweep *found, pb_buffer *caption)
{
    const pb_tensor *values = *found->values;
    size_t n = pb_tensor_size(found->into), cells = n ? pb_tensor_size(values) / n : 0, said = 0;
    for (size_t i = 0; i < n && !found->partial; i++) {
        size_t empty = 0;
        while (empty < cells && isnan(pb_tensor_data(values)[i * cells + empty]))
            empty++;
        if (cells == 0 || empty < cells)
            continue;
        pb_buffer_format(caption, "%s %zu", said ? "," : " Empty: pair", i);
        said++;
    }
    pb_buffer_text(caption, said ? ", whose ends float32 cannot tell apart." : "");
}

/* The ratio of each pair, to stand beside that of their means. Takes the caption. */
static pb_status each_of(const pb_found_sweep *found, pb_value *model, pb_buffer *caption,
                         pb_value **result, pb_error **error)
{
    say_equal_ends(found, caption);
    pb_tensor *values = pb_tensor_retain(*found->values);
    return pb_result_captioned(&values, model, NULL, "normalised", caption, 0, NULL, result, error);
}

enum { OWN_FIELDS = 5, MOST_FIELDS = 12 };

/* The fields that every sweep has. `beside` is the change, or the ratio of each pair; may be NULL.
 */
typedef struct own_fields {
    pb_value *into, *from, *normalized, *partial, *beside;
} own_fields;

static void own_fields_release(own_fields *own)
{
    pb_value **owned[] = {&own->into, &own->from, &own->normalized, &own->partial, &own->beside};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        pb_value_release(owned[i]);
}

static pb_status make_own_fields(const pb_buffer *what, const pb_ends *ends,
                                 const pb_bound_metric *metric, const pb_found_sweep *found,
                                 const pb_buffer *caption, own_fields *own, pb_error **error)
{
    pb_value *model = ends->into.model;
    pb_buffer of_each = PB_BUFFER_EMPTY;
    pb_status status = pb_tensor_field(found->into, model, metric->units, &own->into, error);
    if (!status)
        status = pb_tensor_field(found->from, model, metric->units, &own->from, error);
    if (!status)
        status = pb_value_bool(found->normalized, &own->normalized, error);
    if (!status)
        status = pb_value_bool(found->partial, &own->partial, error);
    if (!status && !found->normalized) {
        status = change_of(found, model, metric->units, caption, &own->beside, error);
    } else if (!status && *found->mean) {
        sweep_caption(what, ends, metric, found, false, &of_each);
        status = each_of(found, model, &of_each, &own->beside, error);
    }
    pb_buffer_free(&of_each);
    return status;
}

/* All fields in the order they are shown in: the ends, the word's own, what else there is. */
static size_t list_fields(const own_fields *own, const pb_found_sweep *found, size_t n_fields,
                          const pb_field *fields, pb_field all[MOST_FIELDS])
{
    pb_field_kind kind = found->normalized ? PB_FIELD_APART : PB_FIELD_LEVEL;
    bool of_means = *found->mean != NULL;
    size_t n = 0;
    all[n++] = (pb_field){.name = "into", .value = own->into, .kind = kind};
    all[n++] = (pb_field){.name = "from", .value = own->from, .kind = kind};
    for (size_t i = 0; i < n_fields; i++)
        all[n++] = fields[i];
    all[n++] = (pb_field){.name = "normalized", .value = own->normalized};
    all[n++] = (pb_field){.name = "partial", .value = own->partial};
    if (own->beside)
        all[n++] = (pb_field){.name = of_means ? "each" : "change",
                              .value = own->beside,
                              .kind = of_means ? PB_FIELD_LEVEL : PB_FIELD_AMOUNT};
    return n;
}

pb_status pb_sweep_value(const pb_buffer *what, const pb_ends *ends, const pb_bound_metric *metric,
                         const pb_found_sweep *found, size_t n_fields, const pb_field *fields,
                         pb_value **result, pb_error **error)
{
    bool of_means = *found->mean != NULL;
    own_fields own = {0};
    pb_field all[MOST_FIELDS];
    pb_buffer caption = PB_BUFFER_EMPTY;
    if (n_fields > MOST_FIELDS - OWN_FIELDS)
        return pb_fail(error, PB_INTERNAL, "a sweep has %zu fields of its own", n_fields);
    sweep_caption(what, ends, metric, found, of_means, &caption);
    pb_status status = make_own_fields(what, ends, metric, found, &caption, &own, error);
    if (!status) {
        size_t n = list_fields(&own, found, n_fields, fields, all);
        status = pb_result_captioned(of_means ? found->mean : found->values, ends->into.model,
                                     &sweep_look, found->normalized ? "normalised" : metric->units,
                                     &caption, n, all, result, error);
    }
    own_fields_release(&own);
    pb_buffer_free(&caption);
    return status;
}
