/* Small multiples on sample data: few and many panels, empty cells, hostile titles, one value. */
#include <math.h>

#include "display/facets.h"
#include "samples.h"

static const char *const love_tokens[] = {"<|endoftext|>", "I",        " love", " this",
                                          " movie",        " because", " it",   " is"};

/* A sweep that was interrupted: six layers of six heads at eight positions, the last not done. */
pb_status sample_facets(pb_bundle **bundle, pb_error **error)
{
    static float values[6 * 6 * 8];
    static const double unpatched = 3.564;
    static const char *const notes[] = {
        "Interrupted: 252 of 288 cells were computed, the others are empty."};
    for (size_t i = 0; i < 288; i++)
        values[i] =
            i < 252 ? (float)unpatched + 0.9f * wobble(i) * wobble(3 * i) * wobble(7 * i) : NAN;
    values[3 * 48 + 2 * 8 + 7] = 1.25f;
    pb_facets_view view = {
        .map = {.words = {.title = "Patching z, one head and position at a time",
                          .caption = "The logit difference \xC2\xB7great minus \xC2\xB7"
                                     "bad. Unpatched 3.564; in the other prompt -4.923.",
                          .notes = notes,
                          .n_notes = 1},
                .rows = {.name = "head", .count = 6},
                .columns =
                    {.name = "position", .count = 8, .labels = love_tokens, .kind = PB_TEXT_TOKEN},
                .values = values,
                .value_name = "logits",
                .middle = &unpatched,
                .middle_name = "the unpatched value"},
        .across = {.name = "layer", .count = 6}};
    return pb_show_facets(&view, bundle, error);
}

/* Attention: a line of panels for each layer, and in it a panel for each head. */
pb_status sample_facet_grid(pb_bundle **bundle, pb_error **error)
{
    static float values[3 * 4 * 8 * 8];
    const pb_axis_view tokens = {.count = 8, .labels = love_tokens, .kind = PB_TEXT_TOKEN};
    for (size_t panel = 0; panel < 12; panel++)
        for (size_t i = 0; i < 8; i++) {
            float sum = 0, *row = values + (panel * 8 + i) * 8;
            for (size_t j = 0; j <= i; j++)
                sum += row[j] = expf(3.0f * wobble(panel * 64 + i * 8 + j));
            for (size_t j = 0; j <= i; j++)
                row[j] /= sum;
        }
    pb_facets_view view = {.map = {.words = {.title = "Every pattern"},
                                   .rows = tokens,
                                   .columns = tokens,
                                   .values = values,
                                   .value_name = "weight",
                                   .range = {true, 0.0, 1.0},
                                   .square = true},
                           .down = {.name = "layer", .count = 3},
                           .across = {.name = "head", .count = 4},
                           .hint = "t[layer=..., head=...] is one of them"};
    view.map.rows.name = "query";
    view.map.columns.name = "key";
    return pb_show_facets(&view, bundle, error);
}

/* Titles and labels that are longer than a panel, or not text at all. */
pb_status sample_hostile_facets(pb_bundle **bundle, pb_error **error)
{
    static const char *const prompts[] = {
        "<script>alert(1)</script> and a great deal more of a prompt that does not fit",
        "\"'&</title></svg>\n\x01\x1b[31m",
        "\xF0\x9F\x98\x80\xF0\x9F\x98\x80 emoji and \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
        "",
    };
    static const char *const tokens[] = {
        "<script>alert(1)</script>", "\n\n\t",   " ",
        "\xF0\x9F\x98\x80",          "\xE2\x82", "\xE2\x80\xAEgnirts"};
    static float values[4 * 3 * 6];
    for (size_t i = 0; i < 72; i++)
        values[i] = i % 11 == 0 ? NAN : i % 13 == 0 ? -INFINITY : wobble(i);
    pb_facets_view view = {
        .map = {.words = {.title = "Hostile <titles> & \"labels\""},
                .rows = {.name = "<b>head</b>", .count = 3},
                .columns = {.name = "token", .count = 6, .labels = tokens, .kind = PB_TEXT_TOKEN},
                .values = values,
                .value_name = "logits"},
        .across = {.name = "prompt", .count = 4, .labels = prompts},
        .per_line = 4};
    return pb_show_facets(&view, bundle, error);
}

/* One panel, and one value in all its cells. */
pb_status sample_one_facet(pb_bundle **bundle, pb_error **error)
{
    static const float values[4 * 3] = {0};
    pb_facets_view view = {.map = {.words = {.title = "Nothing changed"},
                                   .rows = {.name = "head", .count = 4},
                                   .columns = {.name = "position", .count = 3},
                                   .values = values,
                                   .value_name = "change",
                                   .value_unit = "logits"},
                           .across = {.name = "layer", .count = 1}};
    return pb_show_facets(&view, bundle, error);
}

static pb_status many(size_t layers, size_t heads, size_t positions, const char *title,
                      pb_bundle **bundle, pb_error **error)
{
    enum { MOST = 48 * 25 * 20 };
    static float values[MOST];
    const char *tokens[20];
    for (size_t i = 0; i < layers * heads * positions; i++)
        values[i] = wobble(i) * wobble(i * 3) * wobble(i / positions);
    for (size_t i = 0; i < positions; i++)
        tokens[i] = love_tokens[i % 8];
    pb_facets_view view = {.map = {.words = {.title = title},
                                   .rows = {.name = "head", .count = heads},
                                   .columns = {.name = "position",
                                               .count = positions,
                                               .labels = tokens,
                                               .kind = PB_TEXT_TOKEN},
                                   .values = values,
                                   .value_name = "logits"},
                           .across = {.name = "layer", .count = layers}};
    return pb_show_facets(&view, bundle, error);
}

pb_status sample_long_facets(pb_bundle **bundle, pb_error **error)
{
    return many(12, 12, 20, "Twelve layers of twelve heads at twenty positions", bundle, error);
}

pb_status sample_long_facets_of_48(pb_bundle **bundle, pb_error **error)
{
    return many(48, 25, 20, "Forty-eight layers", bundle, error);
}
