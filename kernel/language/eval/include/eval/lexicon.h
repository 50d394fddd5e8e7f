/*
 * The words of a session: what a name stands for that the user has not given another value. It is
 * made once, from tables of rows that lie in the layers above, and only read after that.
 */
#ifndef PB_EVAL_LEXICON_H
#define PB_EVAL_LEXICON_H

#include "eval/builtin.h"
#include "eval/habit.h"

/* The words of one layer. */
typedef struct pb_word_table {
    const pb_builtin *const *builtins; /* arrays of rows, the last NULL; each ends with a row
                                          without a name */
    const pb_constant *constants;      /* ends with a row without a name; may be NULL */
    /* What parameters of these names are in any word, where its own row does not say it: their text
     * and what to suggest for them. Ends with a row without a name; may be NULL. */
    const pb_parameter *usual;
    const pb_habit *habits; /* ends with a row that has nothing typed; may be NULL */
} pb_word_table;

/* Where two rows have one name, the first counts. The tables outlive the lexicon. */
pb_status pb_lexicon_create(const pb_word_table *const *tables, size_t count, pb_lexicon **lexicon,
                            pb_error **error);
void pb_lexicon_destroy(pb_lexicon **lexicon);

/* The row of a name; NULL if there is none. */
const pb_builtin *pb_lexicon_builtin(const pb_lexicon *lexicon, const char *name);
const pb_constant *pb_lexicon_constant(const pb_lexicon *lexicon, const char *name);
/* Walks the rows of habits likewise. */
const pb_habit *pb_lexicon_next_habit(const pb_lexicon *lexicon, size_t *at);
/* What parameters of a name usually are; NULL if nothing is said. */
const pb_parameter *pb_lexicon_usual(const pb_lexicon *lexicon, const char *name);

/* Walks the rows in the order of the tables, from *at = 0; NULL after the last. */
const pb_builtin *pb_lexicon_next_builtin(const pb_lexicon *lexicon, size_t *at);
const pb_constant *pb_lexicon_next_constant(const pb_lexicon *lexicon, size_t *at);

#endif
