/* What parameters of the words about models are called and take, whatever the word: their text, and
 * what completion suggests for them. A word's own row comes first. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "words.h"

#define MOST_TOKENS 200

/* The model a call is about: its model=, else the current one. A reference, or NULL. */
static pb_value *asked_model(const pb_asked *asked)
{
    pb_value *given = asked->argument(asked, "model");
    if (pb_value_object_type(given) == &pb_model_type)
        return given;
    pb_value_release(&given);
    return pb_current_model(asked->session);
}

/* ---- heads ---- */

/* "L3H5", or with letters behind it "L3H5.q", "L3H5.k", ... */
static void suggest_head_names(const pb_asked *asked, const char *inputs, pb_names *names)
{
    pb_value *value = asked_model(asked);
    const pb_shape *shape = value ? pb_model_shape(pb_model_of(value)) : NULL;
    char name[64];
    for (size_t layer = 0; shape && layer < shape->n_layer; layer++) {
        for (size_t head = 0; head < shape->n_head; head++) {
            snprintf(name, sizeof name, "L%zuH%zu", layer, head);
            for (const char *in = inputs; *in; in++) {
                snprintf(name, sizeof name, "L%zuH%zu.%c", layer, head, *in);
                pb_names_add(names, name, "head", "");
            }
            if (!*inputs)
                pb_names_add(names, name, "head", "");
        }
    }
    pb_value_release(&value);
}

static void suggest_heads(const pb_asked *asked, pb_names *names)
{
    suggest_head_names(asked, "", names);
}

static void suggest_receivers(const pb_asked *asked, pb_names *names)
{
    pb_value *value = asked_model(asked);
    size_t n_layer = value ? pb_model_shape(pb_model_of(value))->n_layer : 0;
    char name[64];
    pb_names_add(names, "logits", "receiver", "");
    suggest_head_names(asked, "qkv", names);
    for (size_t layer = 0; layer < n_layer; layer++) {
        snprintf(name, sizeof name, "L%zu_mlp", layer);
        pb_names_add(names, name, "receiver", "");
    }
    pb_value_release(&value);
}

/* ---- tokens ---- */

/* Adds tokens by their number. A model's answers call one so along the axis `token`. */
static void add_token(const pb_tokenizer *tokenizer, int32_t id, pb_names *names)
{
    const char *label = pb_tokenizer_label(tokenizer, id);
    if (label)
        pb_names_add(names, label, "token", "");
}

static bool begins_alike(const char *label, const char *typed)
{
    label += *label == ' ' && *typed != ' ';
    for (; *typed; label++, typed++)
        if ((*label | 0x20) != (*typed | 0x20))
            return false;
    return true;
}

/* A word by itself: letters behind a space, which is what is asked for most. */
static bool is_word(const char *label)
{
    size_t letters = strspn(label + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return label[0] == ' ' && letters > 1 && !label[1 + letters];
}

/* Tokens of the vocabulary that begin as what is typed does: words first, and of those the ones
 * with the lowest numbers, which are the most frequent. */
void pb_suggest_vocabulary(const pb_model *model, const char *typed, pb_names *names)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(model);
    size_t count = pb_tokenizer_count(tokenizer);
    for (int words = 1; words >= 0; words--) {
        for (size_t id = 0; id < count && pb_names_count(names) < MOST_TOKENS; id++) {
            const char *label = pb_tokenizer_label(tokenizer, (int32_t)id);
            if (label && is_word(label) == words && begins_alike(label, typed))
                add_token(tokenizer, (int32_t)id, names);
        }
    }
}

static void suggest_tokens(const pb_asked *asked, pb_names *names)
{
    pb_value *model = asked_model(asked);
    if (model)
        pb_suggest_vocabulary(pb_model_of(model), asked->typed, names);
    pb_value_release(&model);
}

void pb_suggest_run_tokens(const pb_run *run, pb_names *names)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_run_model(run));
    for (size_t i = 0; i < pb_run_length(run); i++)
        add_token(tokenizer, pb_run_tokens(run)[i], names);
}

/* The tokens of a text, without the start token. */
static void add_tokens_of_text(const pb_asked *asked, const pb_value *text, pb_names *names)
{
    pb_value *model = asked_model(asked);
    const pb_tokenizer *tokenizer = model ? pb_model_tokenizer(pb_model_of(model)) : NULL;
    size_t length, count = 0;
    int32_t *ids = NULL;
    const char *bytes = pb_value_get_text(text, &length);
    if (tokenizer && !pb_tokenizer_encode(tokenizer, bytes, length, PB_SPECIAL_ALLOWED, NULL, &ids,
                                          &count, NULL))
        for (size_t i = 0; i < count; i++)
            add_token(tokenizer, ids[i], names);
    free(ids);
    pb_value_release(&model);
}

static void add_tokens_of_prompt(const pb_asked *asked, const pb_value *prompt, pb_names *names)
{
    const pb_table_cells *column = pb_table_find(prompt, "prompt");
    const pb_value *list = column ? column->cells : prompt;
    if (pb_value_kind(prompt) == PB_STRING)
        add_tokens_of_text(asked, prompt, names);
    if (pb_run_of(prompt))
        pb_suggest_run_tokens(pb_run_of(prompt), names);
    for (size_t i = 0; i < pb_list_count(list) && pb_names_count(names) < MOST_TOKENS; i++)
        if (pb_value_kind(pb_list_item(list, i)) == PB_STRING || pb_run_of(pb_list_item(list, i)))
            add_tokens_of_prompt(asked, pb_list_item(list, i), names);
}

/* Tokens of the prompt that the call, or one around it, is about. */
static void suggest_positions(const pb_asked *asked, pb_names *names)
{
    static const char *const prompts[] = {"into", "prompt", "prompts", "x"};
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        pb_value *prompt = asked->argument(asked, prompts[i]);
        if (prompt)
            add_tokens_of_prompt(asked, prompt, names);
        pb_value_release(&prompt);
    }
}

/* ---- holes of templates ---- */

/* A and B of "When {A} and {B} went": names of arguments. */
static void suggest_holes(const pb_asked *asked, pb_names *names)
{
    pb_value *template = asked->argument(asked, "template");
    const char *text = template ? pb_value_get_text(template, NULL) : NULL;
    for (const char *at = text; at && (at = strchr(at, '{')); at++) {
        size_t length =
            strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        char name[64];
        if (length == 0 || length >= sizeof name || at[1 + length] != '}')
            continue;
        snprintf(name, sizeof name, "%.*s", (int)length, at + 1);
        pb_names_add(names, name, "param", "");
    }
    pb_value_release(&template);
}

/* ---- rows ---- */

const pb_parameter pb_usual_model[] = {
    {.name = "prompt", .what = "a prompt, a run, or a list of prompts"},
    {.name = "prompts", .what = "a prompt, a run, or a list of prompts"},
    {.name = "into", .what = "the prompt that is run with activations of the other"},
    {.name = "from", .what = "the prompt the activations come from"},
    {.name = "model", .what = "the model to ask; the current one otherwise"},
    {.name = "bos", .what = "whether the start token comes first; None: as load() was told"},
    {.name = "raw", .what = "True keeps the weights as they are on disk"},
    {.name = "site", .what = "an activation site", .suggest = pb_suggest_sites},
    {.name = "at", .what = "an activation site", .suggest = pb_suggest_sites},
    {.name = "pos", .what = "a position or several", .suggest = suggest_positions},
    {.name = "query", .what = "a position that attends", .suggest = suggest_positions},
    {.name = "key", .what = "a position attended to", .suggest = suggest_positions},
    {.name = "heads", .what = "heads such as \"L9H6\"", .suggest = suggest_heads},
    {.name = "sender", .what = "a head such as \"L9H6\"", .suggest = suggest_heads},
    {.name = "receivers", .what = "who reads it", .suggest = suggest_receivers},
    {.name = "target", .what = "a word that is one token", .suggest = suggest_tokens},
    {.name = "against", .what = "a word to compare with", .suggest = suggest_tokens},
    {.name = "words", .what = "words that are one token each", .suggest = suggest_tokens},
    {.name = "token", .what = "a token of the vocabulary", .suggest = suggest_tokens},
    {.name = "label", .what = "a token of the prompt", .suggest = suggest_positions},
    {.name = "scale", .what = "False leaves out the last norm's scale: the plain dot product"},
    {.name = "normalize", .what = "True gives the share of the way from `into` to `from`"},
    {.name = "k", .what = "how many"},
    {.name = "n", .what = "how many"},
    {.name = "repeat", .what = "how many times they are repeated"},
    {.name = "seed", .what = "what chance begins with: the same seed gives the same result"},
    {.name = "temperature", .what = "0 takes the likeliest token; more lets chance choose"},
    {.name = "top_k", .what = "how many of the likeliest tokens chance chooses from; 0: all"},
    {.name = "weighted", .what = "True weighs the pattern by the length of what is moved"},
    {.name = "holes",
     .what = "a list for each hole of the template, under its name",
     .suggest = suggest_holes},
    {.name = "cross", .what = "True makes every combination of the lists"},
    {.name = "mode", .what = "what is frozen on the way"},
    {.name = "measure", .what = "how a pattern is compared with the detector's"},
    {.name = "exclude_bos", .what = "True leaves out attention to the start token"},
    {.name = "exclude_current_token", .what = "True leaves out attention to the position itself"},
    {.name = NULL}};
