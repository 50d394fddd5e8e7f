/*
 * Attention patterns: chips, thumbnails and one enlarged head as static HTML and SVG; the weights
 * beside them, for the script that lets a person choose.
 */
#include "display/attention.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "attention_script.h"
#include "base/memory.h"
#include "frame.h"
#include "label.h"
#include "map.h"
#include "text.h"

/* Longer prompts show their first tokens, where attention rests, and their last ones. */
#define MOST_TOKENS  128
#define FIRST_TOKENS 8

/* A view cut to what can be shown, with what is drawn of it. */
typedef struct pb_scene {
    const pb_attention_view *view;
    pb_view_scratch *scratch;
    size_t count;        /* tokens shown */
    size_t *places;      /* [count]: which they are */
    float *pattern;      /* [n_heads, count, count] */
    const char **tokens; /* [count] */
    int64_t *positions;  /* [count] */
    const char **names;  /* [n_heads] */
    pb_heatmap_view enlarged_view;
    float *enlarged_values; /* [count, count]; NaN where a query cannot look */
    pb_drawn_map enlarged;
    size_t per_row; /* thumbnails beside each other */
    double thumbnail_top, enlarged_top, width, height;
} pb_scene;

#define THUMBNAIL     72.0
#define THUMBNAIL_GAP 12.0
#define THUMBNAIL_ROW (THUMBNAIL + 26.0)

static const pb_shading weights_shading = {.shade = PB_SHADE_SEQUENTIAL, .high = 1.0};

/* ---- planning ---- */

static float weight_at(const pb_scene *scene, size_t head, size_t query, size_t key)
{
    return scene->pattern[(head * scene->count + query) * scene->count + key];
}

static bool plan_places(pb_scene *scene)
{
    const pb_attention_view *view = scene->view;
    size_t total = view->n_tokens;
    scene->count = total < MOST_TOKENS ? total : MOST_TOKENS;
    scene->places = pb_view_scratch_array(scene->scratch, scene->count, sizeof *scene->places);
    scene->tokens = pb_view_scratch_array(scene->scratch, scene->count, sizeof *scene->tokens);
    scene->positions =
        pb_view_scratch_array(scene->scratch, scene->count, sizeof *scene->positions);
    if (!scene->places || !scene->tokens || !scene->positions)
        return false;
    for (size_t i = 0; i < scene->count; i++) {
        size_t place = i < FIRST_TOKENS ? i : total - scene->count + i;
        scene->places[i] = place;
        scene->tokens[i] = view->tokens[place];
        scene->positions[i] = view->positions ? view->positions[place] : (int64_t)place;
    }
    return true;
}

static bool plan_pattern(pb_scene *scene)
{
    const pb_attention_view *view = scene->view;
    size_t square = scene->count * scene->count, size;
    if (!pb_size_mul(view->n_heads, square, &size))
        return false;
    scene->pattern = pb_view_scratch_array(scene->scratch, size, sizeof *scene->pattern);
    scene->enlarged_values = pb_view_scratch_array(scene->scratch, square, sizeof(float));
    scene->names = pb_view_scratch_array(scene->scratch, view->n_heads, sizeof *scene->names);
    if (!scene->pattern || !scene->enlarged_values || !scene->names)
        return false;
    for (size_t head = 0; head < view->n_heads; head++) {
        const float *from = view->pattern + head * view->n_tokens * view->n_tokens;
        float *to = scene->pattern + head * square;
        for (size_t i = 0; i < scene->count; i++)
            for (size_t j = 0; j < scene->count; j++)
                to[i * scene->count + j] =
                    from[scene->places[i] * view->n_tokens + scene->places[j]];
        scene->names[head] =
            view->head_names ? pb_label_make(scene->scratch, view->head_names[head], PB_TEXT_PLAIN)
                             : pb_view_scratch_format(scene->scratch, "head %zu", head);
    }
    return true;
}

static bool plan_enlarged(pb_scene *scene)
{
    size_t count = scene->count;
    for (size_t i = 0; i < count && scene->view->n_heads > 0; i++)
        for (size_t j = 0; j < count; j++) {
            float value = weight_at(scene, scene->view->enlarged, i, j);
            scene->enlarged_values[i * count + j] = j > i && value == 0.0f ? NAN : value;
        }
    pb_axis_view axis = {.count = count,
                         .labels = scene->tokens,
                         .coordinates = scene->positions,
                         .kind = PB_TEXT_TOKEN};
    scene->enlarged_view = (pb_heatmap_view){
        .rows = axis,
        .columns = axis,
        .values = scene->enlarged_values,
        .value_name = "weight",
        .shade = PB_SHADE_SEQUENTIAL,
        .range = {true, 0.0, 1.0},
        .format = {PB_NUMBER_FIXED, 2, false},
        .square = true,
    };
    scene->enlarged_view.rows.name = "from (query)";
    scene->enlarged_view.columns.name = "to (key)";
    if (!pb_drawn_map_plan(scene->scratch, &scene->enlarged_view, &scene->enlarged))
        return false;
    scene->enlarged.cells_class = "pb-cells";
    scene->enlarged.cells.marks_missing = false; /* what no query can see is no gap */
    return true;
}

static bool plan_scene(pb_view_scratch *scratch, const pb_attention_view *view, pb_scene *scene)
{
    *scene = (pb_scene){.view = view, .scratch = scratch};
    if (!plan_places(scene) || !plan_pattern(scene) || !plan_enlarged(scene))
        return false;
    scene->per_row = 8;
    while (scene->per_row > 4 && view->n_heads % scene->per_row != 0)
        scene->per_row--;
    if (view->n_heads < 8)
        scene->per_row = view->n_heads ? view->n_heads : 1;
    else if (view->n_heads % scene->per_row != 0)
        scene->per_row = 8;
    size_t lines = (view->n_heads + scene->per_row - 1) / scene->per_row;
    scene->enlarged_top = THUMBNAIL_ROW * (double)lines + 8.0;
    scene->width =
        fmax(scene->enlarged.width, (THUMBNAIL + THUMBNAIL_GAP) * (double)scene->per_row + 4.0);
    scene->height = scene->enlarged_top + scene->enlarged.height;
    return true;
}

/* ---- the picture ---- */

static void draw_thumbnail(pb_markup *markup, const pb_scene *scene, size_t head)
{
    double x = (THUMBNAIL + THUMBNAIL_GAP) * (double)(head % scene->per_row) + 2.0;
    double y = THUMBNAIL_ROW * (double)(head / scene->per_row) + 2.0;
    double cell = THUMBNAIL / fmax(1.0, (double)scene->count);
    bool chosen = head == scene->view->enlarged;
    pb_cells cells = {.values = scene->pattern + head * scene->count * scene->count,
                      .n_rows = scene->count,
                      .n_columns = scene->count,
                      .left = x,
                      .top = y,
                      .cell_width = cell,
                      .cell_height = cell};
    pb_markup_open(markup, "g");
    pb_markup_attribute(markup, "class", "pb-head");
    pb_markup_attribute(markup, "data-name", scene->names[head]);
    pb_cells_draw(markup, &cells, &weights_shading, NULL);
    pb_markup_open(markup, "rect");
    pb_markup_attribute(markup, "class", "pb-edge");
    pb_markup_number(markup, "x", x);
    pb_markup_number(markup, "y", y);
    pb_markup_number(markup, "width", THUMBNAIL);
    pb_markup_number(markup, "height", THUMBNAIL);
    pb_markup_attribute(markup, "fill-opacity", "0");
    pb_markup_attribute(markup, "stroke", "currentColor");
    pb_markup_attribute(markup, "stroke-opacity", chosen ? "1" : "0.3");
    pb_markup_attribute(markup, "stroke-width", chosen ? "2" : "1");
    pb_markup_close(markup);
    pb_svg_label(markup,
                 (pb_svg_text){.x = x + THUMBNAIL / 2,
                               .y = y + THUMBNAIL + 14,
                               .size = 11,
                               .anchor = "middle",
                               .bold = chosen},
                 scene->names[head]);
    pb_markup_close(markup);
}

static void draw_scene(pb_markup *markup, const void *user, bool tooltips)
{
    const pb_scene *scene = user;
    (void)tooltips; /* the enlarged head changes under the script, which says weights itself */
    for (size_t head = 0; head < scene->view->n_heads; head++)
        draw_thumbnail(markup, scene, head);
    pb_markup_open(markup, "g");
    pb_markup_attribute_format(markup, "transform", "translate(0 %.2f)", scene->enlarged_top);
    pb_drawn_map_draw(markup, &scene->enlarged, false);
    pb_markup_close(markup);
}

/* ---- sentences ---- */

#define STRONGEST 3

/* "·love (2) 0.41, <|endoftext|> (0) 0.30": where a query looks most, at most three places. */
static void append_strongest(pb_buffer *out, const pb_scene *scene, size_t head, size_t query)
{
    size_t taken[STRONGEST];
    for (size_t n = 0; n < STRONGEST; n++) {
        size_t best = SIZE_MAX;
        for (size_t key = 0; key < scene->count; key++) {
            bool used = false;
            for (size_t i = 0; i < n; i++)
                used = used || taken[i] == key;
            float value = weight_at(scene, head, query, key);
            if (!used && value >= 0.005f &&
                (best == SIZE_MAX || value > weight_at(scene, head, query, best)))
                best = key;
        }
        if (best == SIZE_MAX)
            return;
        taken[n] = best;
        pb_buffer_text(out, n > 0 ? ", " : "");
        pb_label_append(out, scene->tokens[best], strlen(scene->tokens[best]), PB_TEXT_TOKEN);
        pb_buffer_format(out, " (%" PRId64 ") %.2f", scene->positions[best],
                         (double)weight_at(scene, head, query, best));
    }
}

static void append_sentence(pb_buffer *out, const pb_scene *scene, size_t head)
{
    size_t last = scene->count - 1;
    pb_buffer_format(out, "%s: ", scene->names[head]);
    pb_label_append(out, scene->tokens[last], strlen(scene->tokens[last]), PB_TEXT_TOKEN);
    pb_buffer_format(out, " (%" PRId64 ") looks at ", scene->positions[last]);
    append_strongest(out, scene, head, last);
}

/* ---- HTML ---- */

static void html_chips(pb_markup *markup, const pb_scene *scene)
{
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", "line-height:2;margin:2px 0 6px 0;max-width:860px");
    for (size_t i = 0; i < scene->count; i++) {
        pb_buffer style = PB_BUFFER_EMPTY;
        float value = weight_at(scene, scene->view->enlarged, scene->count - 1, i);
        pb_buffer_text(&style, PB_STYLE_CODE ";border-radius:4px;padding:2px 5px;margin:0 2px 0 0;"
                                             "white-space:pre;border:1px solid " PB_LINE);
        pb_fill_style(&style, pb_shading_fill(&weights_shading, (double)value));
        pb_markup_open(markup, "bdi");
        pb_markup_attribute(markup, "class", "pb-token");
        pb_markup_attribute_format(markup, "data-position", "%" PRId64, scene->positions[i]);
        pb_markup_attribute(markup, "style", style.data);
        pb_markup_text(markup, scene->tokens[i], PB_TEXT_TOKEN);
        pb_markup_close(markup);
        pb_markup_open(markup, "wbr");
        pb_markup_close(markup);
        markup->out.failed = markup->out.failed || style.failed;
        pb_buffer_free(&style);
    }
    pb_markup_close(markup);
}

static void html_status(pb_markup *markup, const pb_scene *scene)
{
    pb_buffer sentence = PB_BUFFER_EMPTY;
    append_sentence(&sentence, scene, scene->view->enlarged);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", "min-height:22px;margin:2px 0 2px 0");
    pb_markup_open(markup, "span");
    pb_markup_attribute(markup, "class", "pb-status");
    pb_markup_text(markup, sentence.data, PB_TEXT_PLAIN);
    pb_markup_close(markup);
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || sentence.failed;
    pb_buffer_free(&sentence);
}

/* Three base-64 digits a weight, in 262143rds; the zeros at a row's end are left out. */
static void append_row(pb_buffer *out, const pb_scene *scene, size_t head, size_t query)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t zeros = 0;
    for (size_t key = 0; key < scene->count; key++) {
        float value = weight_at(scene, head, query, key);
        long steps = isnan(value) ? 0 : lroundf(fmaxf(0.0f, fminf(1.0f, value)) * 262143.0f);
        if (steps == 0) {
            zeros++;
            continue;
        }
        pb_buffer_repeat(out, 'A', 3 * zeros);
        zeros = 0;
        pb_buffer_byte(out, digits[steps / 4096]);
        pb_buffer_byte(out, digits[steps / 64 % 64]);
        pb_buffer_byte(out, digits[steps % 64]);
    }
}

static char *encode_pattern(const pb_scene *scene)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    for (size_t head = 0; head < scene->view->n_heads; head++) {
        pb_buffer_text(&out, head > 0 ? ";" : "");
        for (size_t query = 0; query < scene->count; query++) {
            pb_buffer_text(&out, query > 0 ? "," : "");
            append_row(&out, scene, head, query);
        }
    }
    return pb_buffer_take(&out);
}

static void html_scene(pb_markup *markup, const pb_scene *scene, const pb_picture *picture,
                       const pb_words *words)
{
    char *pattern = encode_pattern(scene);
    markup->out.failed = markup->out.failed || !pattern;
    pb_frame_open(markup, words);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "class", "pb-attention");
    pb_markup_attribute_format(markup, "data-head", "%zu", scene->view->enlarged);
    pb_markup_attribute(markup, "data-pattern", pattern);
    html_status(markup, scene);
    html_chips(markup, scene);
    pb_frame_picture(markup, picture);
    pb_markup_open(markup, "script");
    pb_markup_raw(markup, (const char *)pb_attention_script);
    pb_markup_close(markup);
    pb_markup_close(markup);
    pb_frame_close(markup, words);
    free(pattern);
}

/* ---- text ---- */

#define TEXT_GRID 16 /* tokens: more would not fit a line */

static void text_grid(const pb_scene *scene, pb_buffer *out)
{
    pb_view_scratch *scratch = scene->scratch;
    pb_grid grid;
    if (!pb_grid_create(scratch, scene->count + 1, scene->count + 1, &grid)) {
        out->failed = true;
        return;
    }
    grid.left[0] = true;
    pb_grid_set(&grid, 0, 0, "from \\ to");
    for (size_t i = 0; i < scene->count; i++) {
        const char *name = pb_axis_view_label(scratch, &scene->enlarged_view.rows, i, 14);
        pb_grid_set(&grid, i + 1, 0, name);
        pb_grid_set(&grid, 0, i + 1, name);
        for (size_t j = 0; j < scene->count; j++)
            pb_grid_set(&grid, i + 1, j + 1,
                        pb_drawn_map_cell_text(&scene->enlarged, i * scene->count + j));
    }
    pb_buffer_format(out, "\n%s, weight from each row's token to each column's:\n",
                     scene->names[scene->view->enlarged]);
    pb_grid_write(&grid, out);
}

static void text_scene(const pb_scene *scene, const pb_words *words, pb_buffer *out)
{
    pb_text_head(out, words);
    for (size_t head = 0; head < scene->view->n_heads; head++) {
        append_sentence(out, scene, head);
        pb_buffer_byte(out, '\n');
    }
    if (scene->count <= TEXT_GRID)
        text_grid(scene, out);
    pb_text_foot(out, words);
}

/* ---- the bundle ---- */

/* The view's notes, and one more where tokens are left out. */
static pb_words words_of(const pb_scene *scene)
{
    pb_words words = scene->view->words;
    if (scene->count == scene->view->n_tokens)
        return words;
    const char **notes = pb_view_scratch_array(scene->scratch, words.n_notes + 1, sizeof *notes);
    if (!notes)
        return words;
    for (size_t i = 0; i < words.n_notes; i++)
        notes[i] = words.notes[i];
    notes[words.n_notes++] = pb_view_scratch_format(
        scene->scratch, "%zu of %zu tokens are shown: the first %d and the last %d.", scene->count,
        scene->view->n_tokens, FIRST_TOKENS, MOST_TOKENS - FIRST_TOKENS);
    words.notes = notes;
    return words;
}

static pb_status check_view(const pb_attention_view *view, pb_error **error)
{
    if (view->n_heads == 0 || view->n_tokens == 0)
        return pb_fail(error, PB_VALUE, "there is no attention to show: %zu heads, %zu tokens",
                       view->n_heads, view->n_tokens);
    if (view->enlarged >= view->n_heads)
        return pb_fail(error, PB_RANGE, "head %zu cannot be enlarged: there are %zu heads",
                       view->enlarged, view->n_heads);
    return PB_OK;
}

pb_status pb_show_attention(const pb_attention_view *view, pb_bundle **bundle, pb_error **error)
{
    pb_status status = check_view(view, error);
    if (status)
        return status;
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_scene scene;
    if (!scratch || !plan_scene(scratch, view, &scene)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    pb_words words = words_of(&scene);
    pb_picture picture = {
        scene.width, scene.height, draw_scene, &scene,
        pb_view_scratch_format(scratch, "Attention patterns of %zu heads", view->n_heads)};
    html_scene(&html, &scene, &picture, &words);
    text_scene(&scene, &words, &plain);
    status = pb_frame_bundle(scratch, &html, &plain, &picture, &words, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
