/* Telling two classes apart by a direction: logistic and ridge regression, the means' difference.
 */
#ifndef PB_MATH_CLASSIFY_H
#define PB_MATH_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/watch.h"

typedef enum pb_classifier {
    PB_CLASSIFY_LOGISTIC, /* least |w|^2 / 2 + sum of log losses, the intercept free */
    PB_CLASSIFY_RIDGE,    /* least |w|^2 + sum of (score - y)^2, y = -1 or 1, the intercept free */
    PB_CLASSIFY_MEAN      /* from one class's mean to the other's, split at the middle */
} pb_classifier;

/* What is learnt from, taken apart once for all fits: x [rows][columns]. */
typedef struct pb_lessons pb_lessons;

pb_status pb_lessons_create(size_t rows, size_t columns, const double *x, pb_lessons **lessons,
                            const pb_watch *watch, pb_error **error);
void pb_lessons_destroy(pb_lessons **lessons);
/* score = x . weights + intercept is above 0 for what is taken as positive. The first two methods
 * see x standardised (less its mean, over its deviation, where that is not 0), and their weights
 * are brought back to x's units. Both classes are there. */
pb_status pb_lessons_fit(const pb_lessons *lessons, pb_classifier method, const bool *positive,
                         double *weights, double *intercept, const pb_watch *watch,
                         pb_error **error);

#endif
