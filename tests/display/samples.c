/* Every view on sample data: for looking at, for golden text, and for running out of memory. */
#include "samples.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "display/attention.h"
#include "display/card.h"
#include "display/chart.h"
#include "display/document.h"
#include "display/heatmap.h"
#include "display/table.h"
#include "display/tokens.h"

static const char *const love_tokens[] = {"<|endoftext|>", "I",        " love", " this",
                                          " movie",        " because", " it",   " is"};
static const char *const hate_tokens[] = {"<|endoftext|>", "I",        " hate", " this",
                                          " movie",        " because", " it",   " is"};
static const char *const joint_tokens[] = {"<|endoftext|>", "I",        " love| hate", " this",
                                           " movie",        " because", " it",         " is"};

/* Knuth's multiplicative hash. */
float wobble(size_t i)
{
    uint32_t x = ((uint32_t)i + 1u) * 2654435761u;
    x = (x ^ x >> 15) * 2246822519u;
    return (float)(x ^ x >> 13) / 2147483648.0f - 1.0f;
}

static pb_status card(pb_bundle **bundle, pb_error **error)
{
    static const pb_fact facts[] = {{"layers", "6", NULL},
                                    {"heads", "8", "per layer"},
                                    {"d_model", "128", NULL},
                                    {"d_mlp", "384", NULL},
                                    {"d_head", "16", NULL},
                                    {"context", "128", "tokens"},
                                    {"vocabulary", "8,192", "tokens"},
                                    {"parameters", "4.1", "million"}};
    static const pb_block blocks[] = {{"embedding", "8,192 x 128", NULL, 7},
                                      {"position", "128 x 128", NULL, 7},
                                      {"attention", "8 heads of 16", "6 layers, each", 0},
                                      {"mlp", "384, gelu_new", "6 layers, each", 1},
                                      {"unembedding", "128 x 8,192", NULL, 2}};
    pb_card_view view = {.words = {.title = "reviews-4m",
                                   .caption = "Layer norms folded, weights centred, value biases "
                                              "folded: the processing of TransformerLens."},
                         .subtitle = "a GPT-2 read from models/reviews-4m",
                         .facts = facts,
                         .n_facts = 8,
                         .blocks = blocks,
                         .n_blocks = 5};
    return pb_show_card(&view, bundle, error);
}

static pb_status top_table(pb_bundle **bundle, pb_error **error)
{
    static const char *const love[] = {" so", " great", " a", " very", " not"};
    static const char *const hate[] = {" not", " bad", " so", " the worst", "\n"};
    static const double rank[] = {1, 2, 3, 4, 5};
    static const double p1[] = {0.2513, 0.1811, 0.0922, 0.0471, 0.0213};
    static const double p2[] = {0.3127, 0.1511, 0.0822, 0.0271, 0.00003};
    static const double l1[] = {18.213, 17.881, 17.204, 16.532, 15.741};
    static const double l2[] = {18.541, 17.812, 17.204, 16.092, 9.3};
    const char *a = "I love this movie because it is", *b = "I hate this movie because it is";
    pb_number_format percent = {PB_NUMBER_PERCENT, 1, false};
    const pb_column columns[] = {
        {.name = "rank", .kind = PB_COLUMN_NUMBER, .numbers = rank},
        {.name = "token", .group = a, .kind = PB_COLUMN_TOKEN, .texts = love},
        {.name = "probability",
         .group = a,
         .kind = PB_COLUMN_BAR,
         .numbers = p1,
         .format = percent},
        {.name = "logit", .group = a, .kind = PB_COLUMN_NUMBER, .numbers = l1},
        {.name = "token", .group = b, .kind = PB_COLUMN_TOKEN, .texts = hate},
        {.name = "probability",
         .group = b,
         .kind = PB_COLUMN_BAR,
         .numbers = p2,
         .format = percent},
        {.name = "logit", .group = b, .kind = PB_COLUMN_NUMBER, .numbers = l2}};
    pb_table_view view = {.words = {.title = "Most likely next tokens",
                                    .caption = "What the model expects after each prompt, at its "
                                               "last position."},
                          .n_rows = 5,
                          .n_columns = 7,
                          .columns = columns,
                          .total_rows = 8192};
    return pb_show_table(&view, bundle, error);
}

static pb_status shaded_table(pb_bundle **bundle, pb_error **error)
{
    static const char *const parts[] = {"L3_mlp",  "L4_attn", "L5_mlp",
                                        "L2_attn", "embed",   "L0_mlp"};
    static const double a[] = {1.951, 1.218, 0.933, 0.402, -0.011, -0.513};
    static const double b[] = {-1.213, -0.401, 1.222, 0.391, -0.011, -0.612};
    static const double d[] = {3.164, 1.619, -0.289, 0.011, 0.0, 0.099};
    static const double ok[] = {1, 1, 0, 1, 1, 0};
    pb_number_format fixed = {PB_NUMBER_FIXED, 3, true};
    const pb_column columns[] = {{.name = "positive",
                                  .unit = "logits",
                                  .kind = PB_COLUMN_NUMBER,
                                  .numbers = a,
                                  .format = fixed,
                                  .shade = PB_SHADE_DIVERGING,
                                  .shade_group = 1},
                                 {.name = "negative",
                                  .unit = "logits",
                                  .kind = PB_COLUMN_NUMBER,
                                  .numbers = b,
                                  .format = fixed,
                                  .shade = PB_SHADE_DIVERGING,
                                  .shade_group = 1},
                                 {.name = "diff",
                                  .unit = "logits",
                                  .kind = PB_COLUMN_NUMBER,
                                  .numbers = d,
                                  .format = fixed,
                                  .shade = PB_SHADE_DIVERGING,
                                  .shade_group = 1},
                                 {.name = "ok", .kind = PB_COLUMN_CHECK, .numbers = ok}};
    static const char *const notes[] = {
        "Sum of the parts 15.671, true logit 15.671, off by 2e-06."};
    pb_table_view view = {
        .words = {.title = "Attribution to \"\xC2\xB7great\"",
                  .caption = "What each component adds to the logit: positive prompt, negative "
                             "prompt, and positive minus negative.",
                  .notes = notes,
                  .n_notes = 1},
        .n_rows = 6,
        .n_columns = 4,
        .columns = columns,
        .row_name = "component",
        .row_labels = parts};
    return pb_show_table(&view, bundle, error);
}

static pb_status prompts_table(pb_bundle **bundle, pb_error **error)
{
    static const char *const prompts[] = {"I really love this book because it is",
                                          "I absolutely hate this song because it is",
                                          "This restaurant is great because the food is",
                                          "This restaurant is terrible because the food is"};
    static const char *const expected[] = {"positive", "negative", "positive", "negative"};
    static const double great[] = {14.21, 10.87, 15.02, 11.14}, bad[] = {9.75, 14.92, 11.38, 13.07};
    static const double ok[] = {1, 1, 1, 0};
    const pb_column columns[] = {{.name = "prompt", .kind = PB_COLUMN_TEXT, .texts = prompts},
                                 {.name = "expected", .kind = PB_COLUMN_TEXT, .texts = expected},
                                 {.name = "great",
                                  .kind = PB_COLUMN_NUMBER,
                                  .numbers = great,
                                  .shade = PB_SHADE_SEQUENTIAL,
                                  .shade_group = 1},
                                 {.name = "bad",
                                  .kind = PB_COLUMN_NUMBER,
                                  .numbers = bad,
                                  .shade = PB_SHADE_SEQUENTIAL,
                                  .shade_group = 1},
                                 {.name = "ok", .kind = PB_COLUMN_CHECK, .numbers = ok}};
    pb_table_view view = {.n_rows = 4, .n_columns = 5, .columns = columns};
    return pb_show_table(&view, bundle, error);
}

static pb_status bars(pb_bundle **bundle, pb_error **error)
{
    static const float attention[] = {0.12f, -0.21f, 0.38f, 0.72f, 1.619f, 0.43f};
    static const float mlp[] = {-0.09f, 0.17f, 0.22f, 3.164f, -0.41f, -0.289f};
    static const pb_series series[] = {{"attn", attention}, {"mlp", mlp}};
    pb_chart_view view = {.words = {.title = "Attribution difference: love minus hate"},
                          .x = {.name = "layer", .count = 6},
                          .value_name = "attribution to \xC2\xB7great",
                          .value_unit = "logits",
                          .series_name = "part",
                          .series = series,
                          .n_series = 2};
    return pb_show_bars(&view, bundle, error);
}

static pb_status many_bars(pb_bundle **bundle, pb_error **error)
{
    float values[48];
    char names[48][16];
    const char *labels[48];
    for (size_t i = 0; i < 48; i++) {
        values[i] = wobble(i) * wobble(i + 100);
        snprintf(names[i], sizeof names[i], "L%zuH%zu", i / 8, i % 8);
        labels[i] = names[i];
    }
    const pb_series series[] = {{NULL, values}};
    pb_chart_view view = {.words = {.title = "Every head"},
                          .x = {.name = "head", .count = 48, .labels = labels},
                          .value_name = "attribution",
                          .value_unit = "logits",
                          .series = series,
                          .n_series = 1};
    return pb_show_bars(&view, bundle, error);
}

static pb_status line(pb_bundle **bundle, pb_error **error)
{
    static const float patched[] = {11.92f, 12.11f, 12.48f, 14.02f, 15.31f, 15.67f};
    static const pb_series series[] = {{"patched", patched}};
    static const pb_reference references[] = {{"love", 15.671}, {"hate", 11.702}};
    pb_chart_view view = {.words = {.title = "Patching resid_post at position 2",
                                    .caption =
                                        "The logit of \xC2\xB7great in the love prompt, with "
                                        "the residual stream at 2 \xC2\xB7love taken from the "
                                        "hate prompt, one layer at a time."},
                          .x = {.name = "layer", .count = 6},
                          .value_name = "logit of \xC2\xB7great",
                          .series = series,
                          .n_series = 1,
                          .references = references,
                          .n_references = 2};
    return pb_show_lines(&view, bundle, error);
}

static pb_status token_lines(pb_bundle **bundle, pb_error **error)
{
    static const float a[] = {NAN, 4.2f, 7.9f, 2.2f, 1.8f, 6.4f, 0.6f, 0.3f};
    static const float b[] = {NAN, 4.2f, 9.1f, 2.4f, 1.7f, 6.1f, 0.7f, 0.3f};
    static const pb_series series[] = {{"love", a}, {"hate", b}};
    pb_chart_view view = {
        .words = {.title = "Loss per token"},
        .x = {.name = "position", .count = 8, .labels = joint_tokens, .kind = PB_TEXT_TOKEN},
        .value_name = "loss",
        .value_unit = "nats",
        .series_name = "prompt",
        .series = series,
        .n_series = 2};
    return pb_show_lines(&view, bundle, error);
}

static pb_status head_map(pb_bundle **bundle, pb_error **error)
{
    float values[48];
    for (size_t i = 0; i < 48; i++)
        values[i] = wobble(i) * wobble(i * 3) * (i == 34 ? 3.0f : 0.6f);
    pb_heatmap_view view = {.words = {.title = "Attribution by head: love minus hate",
                                      .caption =
                                          "Each head's contribution to the logit of "
                                          "\xC2\xB7great; blue adds to it in the love prompt."},
                            .rows = {.name = "layer", .count = 6},
                            .columns = {.name = "head", .count = 8},
                            .values = values,
                            .value_name = "difference",
                            .value_unit = "logits"};
    return pb_show_heatmap(&view, bundle, error);
}

static pb_status patch_map(pb_bundle **bundle, pb_error **error)
{
    float values[48];
    for (size_t layer = 0; layer < 6; layer++)
        for (size_t pos = 0; pos < 8; pos++)
            values[layer * 8 + pos] = pos < 2    ? 0.0f
                                      : pos == 2 ? -7.7f * (float)(6 - layer) / 6.0f
                                      : pos == 7 ? -7.7f * (float)layer / 5.0f
                                                 : wobble(layer * 8 + pos) * 0.8f;
    pb_heatmap_view view = {
        .words = {.title = "Patching resid_post: hate into love",
                  .caption = "Change of the logit difference \xC2\xB7great minus "
                             "\xC2\xB7"
                             "bad, where the love prompt alone has 6.31."},
        .rows = {.name = "layer", .count = 6},
        .columns = {.name = "position", .count = 8, .labels = joint_tokens, .kind = PB_TEXT_TOKEN},
        .values = values,
        .value_name = "change",
        .value_unit = "logits",
        .rows_upward = true};
    return pb_show_heatmap(&view, bundle, error);
}

static pb_status lens_map(pb_bundle **bundle, pb_error **error)
{
    static const char *const words[] = {" the",   " not", " a",     " so",
                                        " great", "\n",   " movie", " very"};
    const char *cells[48];
    float values[48];
    for (size_t i = 0; i < 48; i++) {
        cells[i] = words[(i * 5 + i / 8) % 8];
        values[i] = 0.5f + 0.5f * wobble(i);
    }
    pb_heatmap_view view = {
        .words = {.title = "Logit lens"},
        .rows = {.name = "layer", .count = 6},
        .columns = {.name = "position", .count = 8, .labels = love_tokens, .kind = PB_TEXT_TOKEN},
        .values = values,
        .cell_texts = cells,
        .cell_kind = PB_TEXT_TOKEN,
        .value_name = "probability",
        .range = {true, 0.0, 1.0}};
    return pb_show_heatmap(&view, bundle, error);
}

static pb_status long_map(pb_bundle **bundle, pb_error **error)
{
    float *values = malloc(12 * 1024 * sizeof *values);
    if (!values)
        return pb_fail_memory(error);
    for (size_t i = 0; i < 12 * 1024; i++)
        values[i] = wobble(i) * wobble(i / 7) * (i % 1024 > 500 ? 1.0f : 0.2f);
    pb_heatmap_view view = {.words = {.title = "Twelve layers, 1024 positions"},
                            .rows = {.name = "layer", .count = 12},
                            .columns = {.name = "position", .count = 1024},
                            .values = values,
                            .value_name = "change",
                            .value_unit = "logits"};
    pb_status status = pb_show_heatmap(&view, bundle, error);
    free(values);
    return status;
}

static pb_status attention(pb_bundle **bundle, pb_error **error)
{
    float pattern[8 * 8 * 8] = {0};
    char names[8][8];
    const char *head_names[8];
    for (size_t head = 0; head < 8; head++) {
        snprintf(names[head], sizeof names[head], "L4H%zu", head);
        head_names[head] = names[head];
        for (size_t i = 0; i < 8; i++) {
            float sum = 0;
            for (size_t j = 0; j <= i; j++) {
                float score = 3.0f * wobble(head * 64 + i * 8 + j) + (j == 0 ? 2.0f : 0.0f);
                sum += pattern[(head * 8 + i) * 8 + j] = expf(score);
            }
            for (size_t j = 0; j <= i; j++)
                pattern[(head * 8 + i) * 8 + j] /= sum;
        }
    }
    pb_attention_view view = {.words = {.title = "Attention in layer 4",
                                        .caption = "Each row of a pattern says how a token divides "
                                                   "its attention among the tokens up to itself."},
                              .n_heads = 8,
                              .head_names = head_names,
                              .n_tokens = 8,
                              .tokens = love_tokens,
                              .pattern = pattern};
    return pb_show_attention(&view, bundle, error);
}

static pb_status long_attention(pb_bundle **bundle, pb_error **error)
{
    enum { HEADS = 12, TOKENS = 64 };
    static float pattern[HEADS * TOKENS * TOKENS];
    const char *tokens[TOKENS];
    for (size_t i = 0; i < TOKENS; i++)
        tokens[i] = love_tokens[i % 8];
    for (size_t head = 0; head < HEADS; head++)
        for (size_t i = 0; i < TOKENS; i++) {
            float *row = pattern + (head * TOKENS + i) * TOKENS, sum = 0;
            for (size_t j = 0; j <= i; j++)
                sum += row[j] = expf(4.0f * wobble(head * 977 + i * 31 + j * 7) +
                                     (i - j == head ? 5.0f : 0.0f));
            for (size_t j = 0; j <= i; j++)
                row[j] /= sum;
        }
    pb_attention_view view = {.words = {.title = "Attention over 64 tokens"},
                              .n_heads = HEADS,
                              .n_tokens = TOKENS,
                              .tokens = tokens,
                              .pattern = pattern,
                              .enlarged = 3};
    return pb_show_attention(&view, bundle, error);
}

static pb_status tokens(pb_bundle **bundle, pb_error **error)
{
    static const pb_token_row rows[] = {{"love", 8, love_tokens, NULL, NULL},
                                        {"hate", 8, hate_tokens, NULL, NULL}};
    pb_tokens_view view = {
        .words = {.title = "Where the prompts differ"}, .rows = rows, .n_rows = 2};
    return pb_show_tokens(&view, bundle, error);
}

static pb_status shaded_tokens(pb_bundle **bundle, pb_error **error)
{
    static const float loss[] = {NAN, 4.2f, 7.9f, 2.2f, 1.8f, 6.4f, 0.6f, 0.3f};
    static const pb_token_row rows[] = {{NULL, 8, love_tokens, NULL, loss}};
    pb_tokens_view view = {.rows = rows, .n_rows = 1, .value_name = "loss (nats)"};
    return pb_show_tokens(&view, bundle, error);
}

static pb_status hostile_tokens(pb_bundle **bundle, pb_error **error)
{
    static const char *const nasty[] = {"<script>alert(1)</script>",
                                        "\"'&",
                                        "\n\n\t",
                                        "\x01\x1b[31m",
                                        "\xE2\x82",
                                        "\xCC\x81",
                                        "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
                                        "\xE2\x80\xAEgnirts",
                                        "   ",
                                        "",
                                        "\xF0\x9F\x98\x80",
                                        "\xC2\xA0"};
    static const pb_token_row rows[] = {{"hostile <b>name</b>", 12, nasty, NULL, NULL}};
    pb_tokens_view view = {
        .words = {.title = "Hostile <tokens> & \"quotes\""}, .rows = rows, .n_rows = 1};
    return pb_show_tokens(&view, bundle, error);
}

const sample samples[N_SAMPLES] = {
    {"card", card},
    {"top_table", top_table},
    {"shaded_table", shaded_table},
    {"prompts_table", prompts_table},
    {"bars", bars},
    {"many_bars", many_bars},
    {"line", line},
    {"token_lines", token_lines},
    {"head_map", head_map},
    {"patch_map", patch_map},
    {"lens_map", lens_map},
    {"long_map", long_map},
    {"attention", attention},
    {"long_attention", long_attention},
    {"tokens", tokens},
    {"shaded_tokens", shaded_tokens},
    {"hostile_tokens", hostile_tokens},
    {"facets", sample_facets},
    {"facet_grid", sample_facet_grid},
    {"hostile_facets", sample_hostile_facets},
    {"one_facet", sample_one_facet},
    {"long_facets", sample_long_facets},
    {"long_facets_of_48", sample_long_facets_of_48},
};
