/* tokenizer.json, the one file that newer libraries save in place of vocab.json and merges.txt. */
#ifndef PB_TOKENIZER_JSON_H
#define PB_TOKENIZER_JSON_H

#include "build.h"

/*
 * Gives the builder the vocabulary, the merges, the normaliser and the added tokens of the file.
 * PB_UNSUPPORTED, naming the part, for a tokenizer that cuts or merges text in a way that is not
 * known: what it would make of a prompt could not be had here.
 */
pb_status tokenizer_json_read(const char *path, pb_json root, builder *b);

#endif
