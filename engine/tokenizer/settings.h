/*
 * What lies beside a vocabulary and changes how text is read: tokenizer_config.json,
 * special_tokens_map.json and added_tokens.json, as transformers reads them
 * (PreTrainedTokenizerBase._from_pretrained and GPT2Tokenizer, 5.24).
 */
#ifndef PB_TOKENIZER_SETTINGS_H
#define PB_TOKENIZER_SETTINGS_H

#include "build.h"

typedef struct settings {
    char *bytes[4];
    /* Each may be absent. */
    pb_json config;  /* tokenizer_config.json */
    pb_json special; /* special_tokens_map.json; absent where the one above lists tokens by id */
    pb_json added;   /* added_tokens.json; likewise */
    pb_json model;   /* config.json */
    char *config_path, *added_path;
    bool one_file; /* there is a tokenizer.json, which says what is put around a text */
} settings;

pb_status settings_read(const char *folder, settings *s, pb_error **error);
void settings_free(settings *s);

/* Whether the tokenizer is of a class that takes a tokenizer.json as it is, rather than GPT-2's. */
bool settings_any_class(const settings *s);

/* How a class cuts and normalises text, where no tokenizer.json says it. */
pb_status settings_read_class(const settings *s, builder *b);

/* Adds the tokens that have ids of their own: before those below, where there is no tokenizer.json
 * that lists them. */
pb_status settings_add_listed(const settings *s, builder *b);
/* Adds the tokens that have names (bos_token ...), where they are missing, and says which of them
 * start and end a text. */
pb_status settings_add_named(const settings *s, builder *b);

/* Reads the properties of an added token (lstrip and the like), whose text is the caller's:
 * free(). PB_FORMAT for a value that is neither a text nor an object with a content. */
pb_status settings_read_token(const char *path, pb_json value, bool special, added_token *added,
                              pb_error **error);

#endif
