/* Heat maps as bundles. */
#include "display/heatmap.h"

#include "base/memory.h"
#include "frame.h"
#include "map.h"
#include "text.h"

static pb_status show_map(pb_view_scratch *scratch, const pb_drawn_map *map, pb_bundle **bundle,
                          pb_error **error)
{
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    const pb_heatmap_view *view = map->view;
    pb_words words = pb_drawn_map_words(map, view->values, view->rows.count * view->columns.count);
    pb_picture picture = {map->width, map->height, pb_drawn_map_draw, map,
                          pb_view_scratch_format(scratch, "Heat map: %s by %s and %s",
                                                 map->value_title, map->row_title,
                                                 map->column_title)};
    pb_frame_open(&html, &words);
    pb_frame_picture(&html, &picture);
    pb_frame_close(&html, &words);
    pb_text_head(&plain, &view->words);
    if (*map->value_title)
        pb_buffer_format(&plain, "%s\n", map->value_title);
    pb_drawn_map_write_text(map, &plain);
    pb_text_foot(&plain, &view->words);
    return pb_frame_bundle(scratch, &html, &plain, &picture, &words, bundle, error);
}

pb_status pb_show_heatmap(const pb_heatmap_view *view, pb_bundle **bundle, pb_error **error)
{
    size_t count;
    pb_drawn_map map;
    if (!pb_size_mul(view->rows.count, view->columns.count, &count))
        return pb_fail(error, PB_LIMIT, "the matrix is too large to draw");
    pb_view_scratch *scratch = pb_view_scratch_create();
    if (!scratch || !pb_drawn_map_plan(scratch, view, &map)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    pb_status status = show_map(scratch, &map, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
