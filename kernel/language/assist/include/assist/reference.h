/* The reference, as Markdown, straight from the rows of built-ins. */
#ifndef PB_ASSIST_REFERENCE_H
#define PB_ASSIST_REFERENCE_H

#include "display/bundle.h"
#include "eval/lexicon.h"

/* "top(prompt, k=10)", the summary, each parameter and an example: what Shift+Tab shows first. */
void pb_reference_summary(const pb_lexicon *lexicon, const pb_builtin *row, pb_buffer *out);
/* The whole entry of a word. */
void pb_reference_entry(const pb_lexicon *lexicon, const pb_builtin *row, pb_buffer *out);
/* What a parameter takes, and what it is when left out. */
void pb_reference_parameter(const pb_lexicon *lexicon, const pb_parameter *p, pb_buffer *out);
/* What a value is, and what it answers to after a dot. */
void pb_reference_value(const pb_value *value, pb_buffer *out);
/* All words, a line for each category. */
void pb_reference_overview(const pb_lexicon *lexicon, pb_buffer *out);
/* What each word of a category does, one line each; false if there is no such category. */
bool pb_reference_category(const pb_lexicon *lexicon, const char *name, pb_buffer *out);
/* The entries of all words by category. */
void pb_reference_words(const pb_lexicon *lexicon, pb_buffer *out);

/* Text that users or files wrote, as Markdown that no renderer changes: in backticks, two at least,
 * since what they hold is neither markup nor mathematics anywhere. */
void pb_reference_code(const char *text, pb_buffer *out);
void pb_reference_block(const char *language, const char *text, pb_buffer *out);
/* A bundle of text/plain and text/markdown. Takes the buffer's text. */
pb_status pb_reference_bundle(pb_buffer *markdown, pb_bundle **bundle, pb_error **error);

#endif
