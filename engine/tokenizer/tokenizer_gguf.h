/* The tokenizer that a GGUF file's metadata describes: tokenizer.ggml.* */
#ifndef PB_TOKENIZER_GGUF_H
#define PB_TOKENIZER_GGUF_H

#include "build.h"
#include "io/gguf.h"

/* Gives the builder the vocabulary, the merges, the added tokens, and which of them start and end
 * a text. PB_UNSUPPORTED, naming the key, for a tokenizer of a kind that is not known. */
pb_status tokenizer_gguf_read(const pb_gguf *gguf, builder *b);

#endif
