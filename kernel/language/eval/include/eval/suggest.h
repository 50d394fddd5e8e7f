/* Suggestions that words of several layers make. */
#ifndef PB_EVAL_SUGGEST_H
#define PB_EVAL_SUGGEST_H

#include "eval/builtin.h"

/* Files and folders, a folder with a slash behind it. Reads the folder that is typed. */
void pb_suggest_files(const pb_asked *asked, pb_names *names);

#endif
