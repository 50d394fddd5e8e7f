/* The two things every reader of JSON here needs: parse it strictly, and quote from it. */
#include "io/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "io/file.h"

pb_status pb_json_read_object(const char *path, const char *bytes, size_t length, json_t **root,
                              pb_error **error)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* which some editors put before UTF-8 */
    size_t marked = sizeof mark - 1;
    json_error_t fault;
    if (length >= marked && memcmp(bytes, mark, marked) == 0) {
        bytes += marked;
        length -= marked;
    }
    json_t *read = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &fault);
    if (!read) {
        /* Where an item of an object finds no room, jansson says nothing at all. */
        if (json_error_code(&fault) == json_error_out_of_memory || !fault.text[0])
            return pb_fail_memory(error);
        return pb_fail(error, PB_FORMAT, "'%s' is not valid JSON: line %d: %s", path, fault.line,
                       fault.text);
    }
    if (!json_is_object(read)) {
        json_decref(read);
        return pb_fail(error, PB_FORMAT, "'%s' holds a JSON array, and an object was expected",
                       path);
    }
    *root = read;
    return PB_OK;
}

pb_status pb_json_read_file(const char *path, size_t limit, json_t **root, pb_error **error)
{
    char *json = NULL;
    size_t length = 0;
    pb_status status = pb_file_read(path, limit, NULL, &json, &length, error);
    if (!status)
        status = pb_json_read_object(path, json, length, root, error);
    free(json);
    return status;
}

/* What json_dump_callback() fills: as much of a value's text as there is room for. */
typedef struct shown_text {
    char *bytes;
    size_t length, room;
} shown_text;

static int take_part(const char *part, size_t length, void *user)
{
    shown_text *shown = user;
    size_t left = shown->room - shown->length;
    memcpy(shown->bytes + shown->length, part, length < left ? length : left);
    shown->length += length < left ? length : left;
    return length <= left ? 0 : -1; /* -1 stops the dump: the rest would not be shown */
}

const char *pb_json_show(const json_t *value, char out[PB_JSON_SHOWN])
{
    static const char cut[] = "...";
    shown_text shown = {out, 0, PB_JSON_SHOWN - sizeof cut};
    int all = json_dump_callback(value, take_part, &shown, JSON_COMPACT | JSON_ENCODE_ANY);
    if (all == 0)
        out[shown.length] = '\0';
    else /* the cut may have gone through a character: end before it */
        strcpy(out + pb_utf8_valid_prefix(out, shown.length), cut);
    return out;
}
