/* Places as arguments: layers, positions, heads and sites, checked where they are written. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "value/text.h"

/* ---- places ---- */

pb_status pb_places_of(const pb_value *value, const char *axis, pb_select **places,
                       pb_error **error)
{
    *places = NULL;
    if (!value || pb_value_is_none(value))
        return PB_OK;
    pb_select *made = pb_malloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    pb_status status = pb_value_to_select(NULL, value, axis, made, error);
    if (status)
        free(made);
    else
        *places = made;
    return status;
}

pb_status pb_places_take(pb_call *call, const char *name, const char *axis, pb_select **places,
                         pb_error **error)
{
    return pb_place_argument(
        call, name, pb_places_of(pb_argument_value(call, name), axis, places, error), error);
}

pb_status pb_either_take(pb_call *call, const char *one, const char *other, const char *axis,
                         pb_select **places, pb_error **error)
{
    bool second = pb_given(call, other) && !pb_argument_is_none(call, other);
    if (second && pb_given(call, one) && !pb_argument_is_none(call, one))
        return pb_fail_argument(call, other, error, PB_TYPE,
                                "%s= and %s= are the same places; give one of them", one, other);
    return pb_places_take(call, second ? other : one, axis, places, error);
}

/* ---- where an answer's fault lies ---- */

void pb_error_in_prompt(pb_error *error, size_t which, const char *text)
{
    char *title = pb_prompt_title(text, 50);
    pb_error_precede(error, "in prompt %zu%s%s: ", which, title ? ", " : "", title ? title : "");
    free(title);
}

/* Of several prompts, says which one a fault is about. */
static void name_prompt(const pb_prompts *prompts, pb_error *error)
{
    size_t which;
    if (prompts->count == 1 || pb_error_source(error) || !pb_error_prompt(error, &which) ||
        which >= prompts->count)
        return;
    pb_error_in_prompt(error, which, prompts->texts[which]);
}

pb_status pb_place_answer(const pb_call *call, const char *name, const pb_prompts *prompts,
                          pb_status status, pb_error **error)
{
    if (status && error && *error)
        name_prompt(prompts, *error);
    return pb_place_argument(call, name, status, error);
}

pb_status pb_positions_check(const pb_call *call, const char *name, const pb_select *places,
                             pb_error **error)
{
    if (!places || pb_select_is_one(places))
        return PB_OK;
    bool metric = strcmp(name, "metric") == 0;
    return pb_fail_argument(call, name, error, PB_VALUE,
                            "%s() reads %sone position of each prompt: -1 is the last, 2 the "
                            "third, \" love\" that token",
                            call->row->name, metric ? "its metric at " : "");
}

pb_status pb_positions_take(pb_call *call, const char *name, pb_positions_wanted wanted,
                            pb_select **places, pb_error **error)
{
    pb_status status = pb_places_take(call, name, "pos", places, error);
    if (!status && wanted == PB_ONE_POSITION)
        status = pb_positions_check(call, name, *places, error);
    return status;
}

/* ---- places in words ---- */

/* "position 2 (\xC2\xB7love)", for a place of a prompt that is one position. */
static bool position_phrase(const pb_select *places, const pb_run *run, pb_buffer *out)
{
    size_t position;
    if (!pb_select_is_one(places) ||
        pb_position_resolve(run, pb_select_for(places, 0), &position, NULL))
        return false;
    char *token = pb_token_text(pb_run_model(run), pb_run_tokens(run)[position]);
    pb_buffer_format(out, "%zu (%s)", position, token ? token : "?");
    free(token);
    return true;
}

void pb_places_phrase(const char *word, const pb_select *places, const pb_value *written,
                      const pb_run *run, pb_buffer *out)
{
    if (!places || pb_select_walks(places))
        return;
    if (places->kind == PB_SELECT_ALL) {
        pb_buffer_format(out, ", all %s%s", word, strcmp(word, "query") == 0 ? " tokens" : "s");
        return;
    }
    pb_buffer_format(out, ", %s ", word);
    if (!run || !position_phrase(places, run, out))
        pb_value_repr(written, false, out);
}

/* ---- heads and sites ---- */

/* The next of a list of heads, unless it is there already: "L9H6" twice is one head. */
static pb_status add_head(pb_model *model, const pb_value *item, pb_head *heads, size_t *count,
                          pb_error **error)
{
    char text[96];
    pb_head *head = &heads[*count];
    if (pb_value_kind(item) != PB_STRING)
        return pb_fail(error, PB_TYPE, "heads are written \"L9H6\", not %s",
                       pb_value_describe(item, text, sizeof text));
    pb_status status = pb_head_parse(model, pb_value_get_text(item, NULL), head, error);
    for (size_t i = 0; i < *count && !status; i++)
        if (heads[i].layer == head->layer && heads[i].head == head->head)
            return PB_OK;
    *count += status ? 0 : 1;
    return status;
}

static pb_status heads_of(pb_model *model, const pb_value *value, pb_head **heads, size_t *count,
                          pb_error **error)
{
    const pb_value *list = value;
    if (pb_value_object_type(value) == &pb_ranking_type) {
        list = pb_ranking_heads(value);
        if (!list)
            return pb_fail(error, PB_VALUE,
                           "this ranking is not of heads; rank a tensor over layer and head");
    }
    bool many = pb_value_kind(list) == PB_LIST;
    size_t given = many ? pb_list_count(list) : 1;
    *count = 0;
    *heads = pb_malloc(given, sizeof **heads);
    pb_status status = *heads ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < given && !status; i++) {
        status = add_head(model, many ? pb_list_item(list, i) : list, *heads, count, error);
        if (status)
            pb_error_of_item(error ? *error : NULL, i);
    }
    if (status) {
        free(*heads);
        *heads = NULL;
    }
    return status;
}

pb_status pb_head_set_take(pb_call *call, const char *name, pb_model *model, pb_head **heads,
                           size_t *count, pb_error **error)
{
    *heads = NULL;
    *count = 0;
    const pb_value *value = pb_argument_value(call, name);
    if (!value || pb_value_is_none(value))
        return PB_OK;
    return pb_place_argument(call, name, heads_of(model, value, heads, count, error), error);
}

pb_status pb_heads_take(pb_call *call, const char *name, pb_model *model, pb_head **heads,
                        size_t *count, pb_error **error)
{
    pb_status status = pb_head_set_take(call, name, model, heads, count, error);
    if (status || !*heads || *count > 0)
        return status;
    free(*heads);
    *heads = NULL;
    return pb_fail_argument(call, name, error, PB_VALUE, "the list of heads is empty");
}

pb_status pb_site_take(pb_call *call, const char *name, pb_site *site, pb_error **error)
{
    const char *text = pb_argument_text(call, name);
    pb_status status = pb_site_find(text, site, error);
    if (status && error)
        pb_hint_site(name, text, *error);
    return pb_place_argument(call, name, status, error);
}

pb_status pb_site_arguments_check(const pb_call *call, const pb_model *model, pb_site site,
                                  const pb_site_argument *arguments, size_t n, pb_error **error)
{
    for (size_t i = 0; i < n; i++) {
        pb_status status =
            arguments[i].given ? pb_site_need(model, site, arguments[i].along, error) : PB_OK;
        if (status)
            return pb_place_argument(call, arguments[i].name, status, error);
    }
    return PB_OK;
}

pb_status pb_kv_heads_check(const pb_call *call, pb_site site, pb_error **error)
{
    const char *heads = pb_site_info(site)->heads;
    if (!pb_given(call, "kv_head") || (heads && strcmp(heads, "kv_head") == 0))
        return PB_OK;
    return pb_fail_argument(call, "kv_head", error, PB_TYPE,
                            "kv_head= counts the heads of keys and values, k and v, and %s has %s",
                            pb_site_info(site)->name, heads ? "head=" : "no heads");
}

void pb_suggest_sites(const pb_asked *asked, pb_names *names)
{
    (void)asked;
    for (int site = 0; site < PB_N_SITES; site++)
        pb_names_add(names, pb_site_info((pb_site)site)->name, "site", "");
}
