/* The two ways in, from a folder and from memory; both give a builder what they find. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "build.h"
#include "io/file.h"
#include "settings.h"
#include "tokenizer_gguf.h"
#include "tokenizer_json.h"

enum { FILE_LIMIT = 256 << 20 };

/* ---- from memory ---- */

static pb_status finish(builder *b, const settings *s, pb_status status, pb_tokenizer **tokenizer)
{
    if (!status)
        status = settings_add_named(s, b);
    if (!status)
        status = builder_finish(b, tokenizer);
    builder_free(b);
    return status;
}

pb_status pb_tokenizer_parse(const char *vocab_path, const char *vocab, size_t vocab_length,
                             const char *merges_path, const char *merges, size_t merges_length,
                             pb_tokenizer **tokenizer, pb_error **error)
{
    builder b = {.vocab_path = vocab_path, .merges_path = merges_path};
    const settings none = {.config_path = NULL};
    pb_json root;
    pb_status status = pb_json_object(vocab_path, vocab, vocab_length, &root, error);
    if (!status)
        status = builder_start(&b, error);
    if (!status)
        status = builder_vocabulary(&b, root);
    if (!status)
        status = builder_merge_lines(&b, merges, merges_length);
    return finish(&b, &none, status, tokenizer);
}

pb_status pb_tokenizer_parse_json(const char *path, const char *json, size_t length,
                                  pb_tokenizer **tokenizer, pb_error **error)
{
    pb_buffer merges_path = PB_BUFFER_EMPTY;
    pb_buffer_format(&merges_path, "%s: merges", path);
    builder b = {.vocab_path = path, .merges_path = merges_path.data};
    const settings none = {.config_path = NULL};
    pb_json root;
    pb_status status = pb_buffer_status(&merges_path, error);
    if (!status)
        status = pb_json_object(path, json, length, &root, error);
    if (!status)
        status = builder_start(&b, error);
    if (!status)
        status = tokenizer_json_read(path, root, &b);
    status = finish(&b, &none, status, tokenizer);
    pb_buffer_free(&merges_path);
    return status;
}

/* ---- from a GGUF file ---- */

static pb_status open_gguf(const char *path, pb_tokenizer **tokenizer, pb_error **error)
{
    pb_gguf *gguf = NULL;
    builder b = {.vocab_path = path, .merges_path = path};
    pb_status status = pb_gguf_read(path, &gguf, error);
    if (!status)
        status = builder_start(&b, error);
    if (!status)
        status = tokenizer_gguf_read(gguf, &b);
    if (!status)
        status = builder_finish(&b, tokenizer);
    builder_free(&b);
    pb_gguf_destroy(&gguf);
    return status;
}

/* ---- from a folder ---- */

/* A space before text: GPT-2's class has it from tokenizer_config.json, the others from
 * tokenizer.json; each from where it is said if the first says nothing. */
static void settle_space(const settings *s, builder *b)
{
    pb_json said = pb_json_given(s->config, "add_prefix_space");
    bool first = !s->one_file || !settings_any_class(s);
    b->tokenizer->space_file = s->one_file ? "tokenizer.json" : NULL;
    if (first && pb_json_kind_of(said) == PB_JSON_BOOL) {
        b->tokenizer->adds_space = pb_json_is_true(said);
        b->tokenizer->space_file = "tokenizer_config.json";
    }
}

static pb_status read_two_files(const settings *s, const char *vocab_path, const char *merges_path,
                                builder *b, pb_error **error)
{
    char *vocab = NULL, *merges = NULL;
    size_t length = 0;
    pb_json root;
    b->vocab_path = vocab_path;
    b->merges_path = merges_path;
    pb_status status = pb_json_read_file(vocab_path, FILE_LIMIT, &vocab, &root, error);
    if (!status)
        status = pb_file_read(merges_path, FILE_LIMIT, NULL, &merges, &length, error);
    if (!status)
        status = builder_start(b, error);
    if (!status)
        status = builder_vocabulary(b, root);
    if (!status)
        status = builder_merge_lines(b, merges, length);
    if (!status)
        status = settings_read_class(s, b);
    if (!status)
        status = settings_add_listed(s, b);
    free(vocab);
    free(merges);
    return status;
}

static pb_status read_one_file(const settings *s, const char *path, const char *merges_path,
                               builder *b, pb_error **error)
{
    char *bytes = NULL;
    pb_json root;
    b->vocab_path = path;
    b->merges_path = merges_path;
    pb_status status = pb_json_read_file(path, FILE_LIMIT, &bytes, &root, error);
    if (!status)
        status = builder_start(b, error);
    if (!status)
        status = tokenizer_json_read(path, root, b);
    if (!status)
        status = settings_add_listed(s, b);
    free(bytes);
    return status;
}

static pb_status open_folder(const char *folder, pb_tokenizer **tokenizer, pb_error **error)
{
    char *vocab = pb_file_join(folder, "vocab.json"), *merges = pb_file_join(folder, "merges.txt");
    char *both = pb_file_join(folder, "tokenizer.json");
    char *both_merges = pb_file_join(folder, "tokenizer.json: merges");
    settings s = {.config_path = NULL};
    builder b = {.tokenizer = NULL};
    bool one_file = both && pb_file_exists(both);
    pb_status status = vocab && merges && both && both_merges ? settings_read(folder, &s, error)
                                                              : pb_fail_memory(error);
    s.one_file = one_file;
    if (!status && one_file)
        status = read_one_file(&s, both, both_merges, &b, error);
    else if (!status)
        status = read_two_files(&s, vocab, merges, &b, error);
    if (!status)
        settle_space(&s, &b);
    status = finish(&b, &s, status, tokenizer);
    settings_free(&s);
    free(vocab);
    free(merges);
    free(both);
    free(both_merges);
    return status;
}

pb_status pb_tokenizer_open(const char *path, pb_tokenizer **tokenizer, pb_error **error)
{
    char *file = NULL;
    pb_status status = pb_gguf_find(path, &file, error);
    if (!status)
        status = file ? open_gguf(file, tokenizer, error) : open_folder(path, tokenizer, error);
    free(file);
    return status;
}
