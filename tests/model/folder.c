#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char folder_source[] = "tests/models/random-3l5h";

char *folder_read(const char *inside, const char *name, size_t *length)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", inside, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = calloc(*length + 1, 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *length, file), *length);
    fclose(file);
    return bytes;
}

void folder_write(const char *inside, const char *name, const char *bytes, size_t length)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", inside, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

const char *const folder_names[4] = {"config.json", "vocab.json", "merges.txt",
                                     "model.safetensors"};

folder folder_copy(void)
{
    folder made = {P_tmpdir "/patchbay-load-XXXXXX"};
    assert_non_null(mkdtemp(made.path));
    for (size_t i = 0; i < 4; i++) {
        size_t length;
        char *bytes = folder_read(folder_source, folder_names[i], &length);
        folder_write(made.path, folder_names[i], bytes, length);
        free(bytes);
    }
    return made;
}

void folder_remove(const folder *f)
{
    static const char *const more[] = {"added_tokens.json", "tokenizer_config.json"};
    for (size_t i = 0; i < 6; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", f->path, i < 4 ? folder_names[i] : more[i - 4]);
        unlink(path);
    }
    rmdir(f->path);
}

void folder_add_tensor(const folder *f, const char *name, const char *dtype, const char *shape,
                       const void *data, size_t n_data)
{
    size_t length;
    char *bytes = folder_read(f->path, folder_names[3], &length);
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    size_t n_before = length - 8 - header, end = 8 + header;
    char *made = calloc(1, length + 512 + n_data);
    assert_non_null(made);
    while (bytes[end - 1] != '}')
        end--;
    memcpy(made, bytes, end - 1);
    size_t at = end - 1;
    at += (size_t)sprintf(made + at,
                          ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}}",
                          name, dtype, shape, n_before, n_before + n_data);
    for (; at % 8 != 0; at++)
        made[at] = ' ';
    header = at - 8;
    memcpy(made, &header, sizeof header);
    memcpy(made + at, bytes + length - n_before, n_before);
    memcpy(made + at + n_before, data, n_data);
    folder_write(f->path, folder_names[3], made, at + n_before + n_data);
    free(made);
    free(bytes);
}

void folder_replace(const folder *f, const char *name, const char *old, const char *new)
{
    size_t length, n_old = strlen(old), n_new = strlen(new);
    char *bytes = folder_read(f->path, name, &length);
    char *at = NULL;
    for (size_t i = 0; i + n_old <= length && !at; i++)
        if (memcmp(bytes + i, old, n_old) == 0)
            at = bytes + i;
    if (!at)
        fail_msg("%s does not hold %s", name, old);
    char *changed = malloc(length + n_new);
    assert_non_null(changed);
    size_t head = (size_t)(at - bytes), tail = length - head - n_old;
    memcpy(changed, bytes, head);
    memcpy(changed + head, new, n_new);
    memcpy(changed + head + n_new, at + n_old, tail);
    folder_write(f->path, name, changed, head + n_new + tail);
    free(changed);
    free(bytes);
}
