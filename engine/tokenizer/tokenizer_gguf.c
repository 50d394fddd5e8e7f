/*
 * A tokenizer from a GGUF file. "gpt2" is a byte-level one with merges, cut as
 * tokenizer.ggml.pre says; "llama" is one of pieces with scores, from which the merges follow. Both
 * come to what transformers makes of the same model's own files.
 */
#include "tokenizer_gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* The last is of bytes: pieces are some words long at most. */
enum { MOST_PIECES = 1 << 20, LONGEST_PIECE = 128 };

/* What a token is, by tokenizer.ggml.token_type. */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER_DEFINED = 4 };

static const char nfc[] = "{\"type\": \"NFC\"}";

/* Ways to cut, by tokenizer.ggml.pre, and what is done to a text before. */
static const struct {
    const char *pre;
    words_by way;
    const char *normalizer; /* as a tokenizer.json has it; NULL for none */
} cuttings[] = {
    {"gpt-2", WORDS_BY_KIND, NULL},        {"olmo", WORDS_BY_KIND, nfc}, /* GPT-NeoX's */
    {"smollm", WORDS_SINGLE_DIGITS, NULL}, {"llama-bpe", WORDS_THREE_DIGITS, NULL},
    {"llama3", WORDS_THREE_DIGITS, NULL},  {"qwen2", WORDS_SIGN_AND_LETTERS, nfc},
};

static pb_status refuse_key(const builder *b, const pb_gguf *gguf, const char *key,
                            const char *expected)
{
    pb_buffer shown = PB_BUFFER_EMPTY;
    pb_gguf_show(pb_gguf_get(gguf, key), &shown);
    pb_status status =
        shown.failed ? pb_fail_memory(b->error)
                     : pb_fail(b->error, PB_UNSUPPORTED,
                               "'%s' has a tokenizer of a kind that is not known here: its %s is "
                               "%s, and %s was expected",
                               pb_gguf_path(gguf), key, shown.data, expected);
    pb_buffer_free(&shown);
    return status;
}

/* ---- tokens ---- */

static pb_status read_tokens(const pb_gguf *gguf, builder *b)
{
    pb_gguf_value list = pb_gguf_get(gguf, "tokenizer.ggml.tokens"), item;
    const char *text;
    size_t length, n = list.count;
    pb_status status = PB_OK;
    if (list.kind != PB_GGUF_LIST || n > MOST_PIECES)
        return refuse_key(b, gguf, "tokenizer.ggml.tokens", "a list of at most 1048576 texts");
    for (size_t id = 0; !status && pb_gguf_next(&list, &item); id++)
        status = pb_gguf_as_text(item, &text, &length)
                     ? builder_token(b, text, length, id)
                     : refuse_key(b, gguf, "tokenizer.ggml.tokens", "a list of texts");
    if (!status)
        status = builder_end_vocabulary(b);
    if (!status)
        b->next_id = (int32_t)n; /* of two equal texts the last counts, and no id moves */
    return status;
}

/* The types beside the tokens; without them all are normal. */
static pb_gguf_value types_of(const pb_gguf *gguf, size_t n)
{
    pb_gguf_value list = pb_gguf_get(gguf, "tokenizer.ggml.token_type");
    return list.kind == PB_GGUF_LIST && list.count == n ? list
                                                        : (pb_gguf_value){.kind = PB_GGUF_ABSENT};
}

/* Those that a text is searched for: what marks something, and what users have added. */
static pb_status add_tokens_of_types(const pb_gguf *gguf, builder *b)
{
    pb_gguf_value tokens = pb_gguf_get(gguf, "tokenizer.ggml.tokens"), each, type;
    pb_gguf_value types = types_of(gguf, tokens.count);
    pb_status status = PB_OK;
    while (!status && pb_gguf_next(&tokens, &each) && pb_gguf_next(&types, &type)) {
        int64_t kind = TYPE_NORMAL;
        added_token added = {.text = NULL};
        (void)pb_gguf_as_integer(type, &kind);
        (void)pb_gguf_as_text(each, &added.text, &added.length);
        added.special = kind == TYPE_CONTROL || (kind == TYPE_UNKNOWN && b->tokenizer->of_pieces);
        if (added.special || kind == TYPE_USER_DEFINED)
            status = builder_add(b, &added, AGAIN_NOTHING);
    }
    return status;
}

/* ---- byte-level ---- */

static pb_status read_cutting(const pb_gguf *gguf, builder *b)
{
    pb_gguf_value pre = pb_gguf_get(gguf, "tokenizer.ggml.pre");
    pb_tokenizer *t = b->tokenizer;
    for (size_t i = 0; i < sizeof cuttings / sizeof *cuttings; i++) {
        if (!pb_gguf_says(pre, cuttings[i].pre))
            continue;
        t->way = cuttings[i].way;
        t->whole_words = t->way == WORDS_THREE_DIGITS; /* Llama 3's ignore_merges */
        return normalizer_read(pb_gguf_path(gguf), (pb_json){cuttings[i].normalizer}, t->arena,
                               &t->normalizer, b->error);
    }
    return refuse_key(b, gguf, "tokenizer.ggml.pre", "gpt-2, olmo, smollm, llama-bpe or qwen2");
}

static pb_status read_merges(const pb_gguf *gguf, builder *b)
{
    pb_gguf_value list = pb_gguf_get(gguf, "tokenizer.ggml.merges"), item;
    pb_buffer both = PB_BUFFER_EMPTY;
    const char *text;
    size_t length, number = 0;
    if (list.kind != PB_GGUF_LIST)
        return refuse_key(b, gguf, "tokenizer.ggml.merges", "a list of texts");
    pb_status status = builder_room_for_merges(b, list.count);
    while (!status && pb_gguf_next(&list, &item))
        status = pb_gguf_as_text(item, &text, &length)
                     ? builder_merge(b, &both, ++number, text, length)
                     : refuse_key(b, gguf, "tokenizer.ggml.merges", "a list of texts");
    pb_buffer_free(&both);
    return status;
}

static pb_status read_byte_level(const pb_gguf *gguf, builder *b)
{
    pb_status status = read_cutting(gguf, b);
    if (!status)
        status = read_tokens(gguf, b);
    return status ? status : read_merges(gguf, b);
}

/* ---- pieces with scores ---- */

/* A way to make a piece of two. */
typedef struct joint {
    bpe_merge merge;
    double score; /* of the piece */
} joint;

typedef struct joints {
    joint *items;
    size_t count, capacity;
} joints;

static pb_status keep_joint(joints *all, const joint *kept, pb_error **error)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : 1024;
        joint *grown = pb_realloc(all->items, capacity, sizeof *grown);
        if (!grown)
            return pb_fail_memory(error);
        all->items = grown;
        all->capacity = capacity;
    }
    all->items[all->count++] = *kept;
    return PB_OK;
}

/* Every place at which a piece parts into two others. */
static pb_status part_piece(builder *b, const char *text, size_t length, int32_t made, double score,
                            joints *all)
{
    pb_status status = PB_OK;
    size_t n = pb_utf8_count(text, length), at = 0;
    for (size_t left = 1; left < n && !status; left++) {
        uint64_t first, second;
        (void)pb_utf8_next(text, length, &at);
        if (!pb_map_get(b->ids, text, at, &first) ||
            !pb_map_get(b->ids, text + at, length - at, &second))
            continue;
        joint kept = {.merge = {(int32_t)first, (int32_t)second, made, 0}, .score = score};
        status = keep_joint(all, &kept, b->error);
    }
    return status;
}

/* As transformers made the lists that families have published: the best score first, of equals the
 * earlier piece, and of that the earlier parts. */
static int by_score(const void *a, const void *b)
{
    const joint *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->merge.made != y->merge.made)
        return x->merge.made < y->merge.made ? -1 : 1;
    if (x->merge.left != y->merge.left)
        return x->merge.left < y->merge.left ? -1 : 1;
    return (x->merge.right > y->merge.right) - (x->merge.right < y->merge.right);
}

static pb_status list_joints(const pb_gguf *gguf, builder *b, joints *all)
{
    pb_gguf_value tokens = pb_gguf_get(gguf, "tokenizer.ggml.tokens"), each, score;
    pb_gguf_value scores = pb_gguf_get(gguf, "tokenizer.ggml.scores");
    pb_status status = PB_OK;
    if (scores.kind != PB_GGUF_LIST || scores.count != tokens.count)
        return refuse_key(b, gguf, "tokenizer.ggml.scores", "as many numbers as there are tokens");
    for (int32_t id = 0; !status && pb_gguf_next(&tokens, &each); id++) {
        double value = 0;
        const char *text = "";
        size_t length = 0;
        (void)pb_gguf_next(&scores, &score);
        (void)pb_gguf_as_text(each, &text, &length);
        if (!pb_gguf_as_number(score, &value) || value != value)
            status = refuse_key(b, gguf, "tokenizer.ggml.scores", "a list of numbers");
        else if (length <= LONGEST_PIECE)
            status = part_piece(b, text, length, id, value, all);
    }
    return status;
}

static pb_status make_merges(const pb_gguf *gguf, builder *b)
{
    joints all = {NULL, 0, 0};
    pb_status status = list_joints(gguf, b, &all);
    if (!status)
        status = builder_room_for_merges(b, all.count);
    if (!status && all.count > 0)
        qsort(all.items, all.count, sizeof *all.items, by_score);
    for (size_t i = 0; i < all.count && !status; i++) {
        b->merges[b->n_merges] = all.items[i].merge;
        b->merges[b->n_merges].rank = (uint32_t)b->n_merges;
        b->n_merges++;
    }
    free(all.items);
    return status;
}

static pb_status read_scored_pieces(const pb_gguf *gguf, builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    pb_gguf_value space = pb_gguf_get(gguf, "tokenizer.ggml.add_space_prefix");
    /* Llama 2's own files put the sign before every stretch, even one that begins with a space. */
    static const char with_prefix[] =
        "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": "
        "\"\\u2581\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": "
        "\"\\u2581\"}]}";
    t->of_pieces = true;
    t->writes_spaces = space.kind == PB_GGUF_BOOL && !pb_gguf_is_true(space);
    t->prefix = PREFIX_NEVER;
    pb_status status = PB_OK;
    if (!t->writes_spaces)
        status = normalizer_read(pb_gguf_path(gguf), (pb_json){with_prefix}, t->arena,
                                 &t->normalizer, b->error);
    if (!status)
        status = read_tokens(gguf, b);
    if (status)
        return status;
    return pb_gguf_get(gguf, "tokenizer.ggml.merges").kind == PB_GGUF_ABSENT ? make_merges(gguf, b)
                                                                             : read_merges(gguf, b);
}

/* ---- all of it ---- */

/* What starts and ends a text. */
static int32_t id_at(const pb_gguf *gguf, const builder *b, const char *key)
{
    int64_t id;
    return pb_gguf_as_integer(pb_gguf_get(gguf, key), &id) && id >= 0 && id < b->next_id
               ? (int32_t)id
               : PB_NO_TOKEN;
}

static void read_ends(const pb_gguf *gguf, builder *b)
{
    pb_tokenizer *t = b->tokenizer;
    pb_gguf_value starts = pb_gguf_get(gguf, "tokenizer.ggml.add_bos_token");
    t->end = id_at(gguf, b, "tokenizer.ggml.eos_token_id");
    t->start = id_at(gguf, b, "tokenizer.ggml.bos_token_id");
    if (t->start == PB_NO_TOKEN)
        t->start = t->end;
    if (t->end == PB_NO_TOKEN)
        t->end = t->start;
    t->closes = pb_gguf_is_true(pb_gguf_get(gguf, "tokenizer.ggml.add_eos_token"));
    if (starts.kind == PB_GGUF_BOOL)
        t->start_rule = pb_gguf_is_true(starts) ? PB_START_ALWAYS : PB_START_NEVER;
}

pb_status tokenizer_gguf_read(const pb_gguf *gguf, builder *b)
{
    static const struct {
        const char *model;
        pb_status (*read)(const pb_gguf *gguf, builder *b);
    } kinds[] = {{"gpt2", read_byte_level}, {"llama", read_scored_pieces}};
    pb_gguf_value model = pb_gguf_get(gguf, "tokenizer.ggml.model");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!pb_gguf_says(model, kinds[i].model))
            continue;
        pb_status status = kinds[i].read(gguf, b);
        if (!status)
            status = add_tokens_of_types(gguf, b);
        if (!status)
            read_ends(gguf, b);
        return status;
    }
    return refuse_key(b, gguf, "tokenizer.ggml.model", "gpt2 or llama");
}
