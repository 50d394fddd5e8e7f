/* Words of linear algebra: svd, eig, pca, solve, lstsq, trace, cosine. */
#include <math.h>
#include <string.h>

#include "math/linear.h"
#include "matrices.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static pb_status component_axis(size_t length, pb_axis **axis, pb_error **error)
{
    return pb_axis_create("component", length, NULL, NULL, axis, error);
}

/* ---- svd ---- */

static pb_status svd_of_one(const pb_call *call, const pb_matrices *m, double *a, float *const *out,
                            pb_error **error)
{
    size_t k = smaller(m->rows, m->columns);
    double *u = pb_doubles_create(m->rows, k), *s = pb_doubles_create(k, 1);
    double *vt = pb_doubles_create(k, m->columns);
    pb_status status = u && s && vt ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_linear_svd(m->rows, m->columns, a, u, s, vt, pb_call_watch(call), error);
    if (!status) {
        pb_fill_floats(s, k, 1, false, out[0]);
        pb_fill_floats(u, m->rows, k, false, out[1]);
        pb_fill_floats(vt, m->columns, k, true, out[2]);
    }
    pb_doubles_free(&u);
    pb_doubles_free(&s);
    pb_doubles_free(&vt);
    return status;
}

static pb_status call_svd(pb_call *call, pb_value **result, pb_error **error)
{
    pb_matrices m;
    pb_axis *component = NULL;
    pb_status status = pb_matrices_open(call, "x", pb_argument_text(call, "rows"),
                                        pb_argument_text(call, "columns"), &m, error);
    if (status)
        return status;
    status = component_axis(smaller(m.rows, m.columns), &component, error);
    if (!status) {
        pb_filled filled[] = {
            {.name = "s", .caption = "Singular values", .axes = {component}},
            {.name = "u",
             .caption = "Left singular vectors",
             .axes = {pb_matrices_row_axis(&m), component}},
            {.name = "v",
             .caption = "Right singular vectors",
             .axes = {pb_matrices_column_axis(&m), component}},
        };
        status = pb_matrices_fill(call, &m, 3, filled, svd_of_one, result, error);
    }
    pb_axis_release(&component);
    pb_matrices_close(&m);
    return status;
}

/* ---- eig, trace ---- */

static pb_status open_square(const pb_call *call, pb_matrices *m, pb_error **error)
{
    pb_status status = pb_matrices_open(call, "x", pb_argument_text(call, "rows"),
                                        pb_argument_text(call, "columns"), m, error);
    if (status || m->rows == m->columns)
        return status;
    status = pb_fail_argument(call, "x", error, PB_VALUE,
                              "%s() needs as many rows as columns: %s has %zu places, %s has %zu",
                              call->row->name, pb_axis_name(pb_matrices_row_axis(m)), m->rows,
                              pb_axis_name(pb_matrices_column_axis(m)), m->columns);
    pb_matrices_close(m);
    return status;
}

static pb_status eig_of_one(const pb_call *call, const pb_matrices *m, double *a, float *const *out,
                            pb_error **error)
{
    size_t n = m->rows;
    double *values = pb_doubles_create(2, n), *vectors = pb_doubles_create(2 * n, n);
    pb_status status = values && vectors ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = pb_linear_eig(n, a, values, values + n, vectors, vectors + n * n,
                               pb_call_watch(call), error);
    if (!status) {
        pb_fill_floats(values, n, 1, false, out[0]);
        pb_fill_floats(values + n, n, 1, false, out[1]);
        pb_fill_floats(vectors, n, n, false, out[2]);
        pb_fill_floats(vectors + n * n, n, n, false, out[3]);
    }
    pb_doubles_free(&values);
    pb_doubles_free(&vectors);
    return status;
}

static pb_status call_eig(pb_call *call, pb_value **result, pb_error **error)
{
    pb_matrices m;
    pb_axis *component = NULL;
    pb_status status = open_square(call, &m, error);
    if (status)
        return status;
    status = component_axis(m.rows, &component, error);
    if (!status) {
        pb_axis *rows = pb_matrices_row_axis(&m);
        pb_filled filled[] = {
            {.name = "real", .caption = "Eigenvalues, real part", .axes = {component}},
            {.name = "imag", .caption = "Eigenvalues, imaginary part", .axes = {component}},
            {.name = "vectors", .caption = "Eigenvectors", .axes = {rows, component}},
            {.name = "vectors_imag",
             .caption = "Eigenvectors, imaginary part",
             .axes = {rows, component}},
        };
        status = pb_matrices_fill(call, &m, 4, filled, eig_of_one, result, error);
    }
    pb_axis_release(&component);
    pb_matrices_close(&m);
    return status;
}

static pb_status trace_of_one(const pb_call *call, const pb_matrices *m, double *a,
                              float *const *out, pb_error **error)
{
    double sum = 0;
    (void)call;
    (void)error;
    for (size_t i = 0; i < m->rows; i++)
        sum += a[i * m->columns + i];
    out[0][0] = (float)sum;
    return PB_OK;
}

static pb_status call_trace(pb_call *call, pb_value **result, pb_error **error)
{
    pb_matrices m;
    pb_filled filled[] = {{.name = "trace"}};
    pb_status status = open_square(call, &m, error);
    if (status)
        return status;
    status = pb_matrices_fill(call, &m, 1, filled, trace_of_one, result, error);
    pb_matrices_close(&m);
    return status;
}

/* ---- pca ---- */

static void centre_columns(double *a, size_t rows, size_t columns)
{
    for (size_t j = 0; j < columns; j++) {
        double mean = 0;
        for (size_t i = 0; i < rows; i++)
            mean += a[i * columns + j] / (double)rows;
        for (size_t i = 0; i < rows; i++)
            a[i * columns + j] -= mean;
    }
}

/* The first k of what the decomposition gives; shares are of the whole variance. */
static void take_components(const pb_matrices *m, size_t k, const double *u, const double *s,
                            const double *vt, float *const *out)
{
    size_t all = smaller(m->rows, m->columns);
    double total = 0;
    for (size_t j = 0; j < all; j++)
        total += s[j] * s[j];
    for (size_t j = 0; j < k; j++) {
        for (size_t i = 0; i < m->rows; i++)
            out[0][i * k + j] = (float)(u[i * all + j] * s[j]);
        out[2][j] = (float)(total > 0 ? s[j] * s[j] / total : 0);
    }
    pb_fill_floats(vt, k, m->columns, false, out[1]);
}

static pb_status pca_of_one(const pb_call *call, const pb_matrices *m, double *a, float *const *out,
                            pb_error **error)
{
    size_t all = smaller(m->rows, m->columns);
    double *u = pb_doubles_create(m->rows, all), *s = pb_doubles_create(all, 1);
    double *vt = pb_doubles_create(all, m->columns);
    pb_status status = u && s && vt ? PB_OK : pb_fail_memory(error);
    centre_columns(a, m->rows, m->columns);
    if (!status)
        status = pb_linear_svd(m->rows, m->columns, a, u, s, vt, pb_call_watch(call), error);
    if (!status)
        take_components(m, (size_t)pb_argument_integer(call, "k"), u, s, vt, out);
    pb_doubles_free(&u);
    pb_doubles_free(&s);
    pb_doubles_free(&vt);
    return status;
}

static pb_status check_components(const pb_call *call, const pb_matrices *m, size_t k,
                                  pb_error **error)
{
    const pb_axis *least =
        m->rows < m->columns ? pb_matrices_row_axis(m) : pb_matrices_column_axis(m);
    if (k > 0 && k <= pb_axis_length(least))
        return PB_OK;
    return pb_fail_argument(call, "k", error, PB_VALUE,
                            "there are 1 to %zu components, as many as %s has places, not %zu",
                            pb_axis_length(least), pb_axis_name(least), k);
}

static pb_status call_pca(pb_call *call, pb_value **result, pb_error **error)
{
    pb_matrices m;
    pb_axis *component = NULL;
    size_t k = 0;
    pb_status status = pb_argument_count(call, "k", &k, error);
    if (!status)
        status = pb_matrices_open(call, "x", pb_argument_text(call, "over"),
                                  pb_argument_text(call, "columns"), &m, error);
    if (status)
        return status;
    status = check_components(call, &m, k, error);
    if (!status)
        status = component_axis(k, &component, error);
    if (!status) {
        pb_filled filled[] = {
            {.name = "coordinates",
             .caption = "Principal components: where each place lies",
             .axes = {pb_matrices_row_axis(&m), component}},
            {.name = "directions",
             .caption = "Principal components: directions of length one",
             .axes = {component, pb_matrices_column_axis(&m)}},
            {.name = "shares",
             .caption = "Principal components: share of the variance",
             .axes = {component}},
        };
        status = pb_matrices_fill(call, &m, 3, filled, pca_of_one, result, error);
    }
    pb_axis_release(&component);
    pb_matrices_close(&m);
    return status;
}

/* ---- solve, lstsq: a x = b, `over` the axis of the equations, which both have ---- */

static bool same_places(const pb_axis *a, const pb_axis *b)
{
    if (pb_axis_length(a) != pb_axis_length(b))
        return false;
    for (size_t i = 0; i < pb_axis_length(a); i++)
        if (pb_axis_coordinate(a, i) != pb_axis_coordinate(b, i))
            return false;
    return true;
}

/* The axis both have, if it is not said and there is one alone. */
static pb_status choose_over(const pb_call *call, const pb_tensor *a, const pb_tensor *b,
                             const char **over, pb_error **error)
{
    size_t shared = 0, which;
    for (size_t i = 0; !pb_given(call, "over") && i < pb_tensor_rank(a); i++) {
        const char *name = pb_axis_name(pb_tensor_axis(a, i));
        if (pb_tensor_find_axis(b, name) >= 0) {
            *over = name;
            shared++;
        }
    }
    if (!pb_given(call, "over") && shared != 1)
        return pb_fail_argument(call, NULL, error, PB_VALUE,
                                "%s() needs over=, the axis that a and b share: they share %s",
                                call->row->name, shared == 0 ? "none" : "several");
    if (pb_given(call, "over"))
        *over = pb_argument_text(call, "over");
    pb_status status = pb_tensor_need_axis(a, *over, &which, error);
    if (status)
        return pb_place_argument(call, "a", status, error);
    pb_axis *left = pb_tensor_axis(a, which);
    status = pb_tensor_need_axis(b, *over, &which, error);
    if (!status && !same_places(left, pb_tensor_axis(b, which)))
        status = pb_fail(error, PB_VALUE, "a and b have different places along %s", *over);
    return pb_place_argument(call, "b", status, error);
}

static pb_status check_rank(const pb_call *call, const pb_tensor *a, const pb_tensor *b,
                            const char *over, pb_error **error)
{
    if (pb_tensor_rank(a) != 2)
        return pb_fail_argument(call, "a", error, PB_VALUE,
                                "a is a matrix of two axes, and this has %zu", pb_tensor_rank(a));
    for (size_t i = 0; i < 2; i++) {
        const char *name = pb_axis_name(pb_tensor_axis(a, i));
        if (strcmp(name, over) != 0 && pb_tensor_find_axis(b, name) >= 0)
            return pb_fail_argument(call, "b", error, PB_VALUE,
                                    "b has the axis %s too, which the result takes from a", name);
    }
    return PB_OK;
}

/* b [over, ...] as doubles [over][columns], whatever its axes. */
static pb_status read_right(const pb_call *call, const pb_tensor *b, const char *over,
                            pb_tensor **ordered, double **right, pb_error **error)
{
    const char *names[PB_MAX_RANK];
    size_t n = 0;
    names[n++] = over;
    for (size_t i = 0; i < pb_tensor_rank(b); i++)
        if (strcmp(pb_axis_name(pb_tensor_axis(b, i)), over) != 0)
            names[n++] = pb_axis_name(pb_tensor_axis(b, i));
    pb_status status = pb_check_finite(call, "b", b, error);
    if (!status)
        status = pb_tensor_transpose(b, names, pb_call_watch(call), ordered, error);
    if (status)
        return status;
    size_t size = pb_tensor_size(*ordered);
    *right = pb_doubles_create(size, 1);
    if (!*right)
        return pb_fail_memory(error);
    for (size_t i = 0; i < size; i++)
        (*right)[i] = (double)pb_tensor_data(*ordered)[i];
    return PB_OK;
}

/* x [a's other axis, b's others]. */
static pb_status make_solution(const pb_matrices *m, const pb_tensor *b, const double *x,
                               pb_value **result, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK] = {pb_matrices_column_axis(m)};
    const pb_meta meta = {.model = pb_value_meta(m->value)->model};
    pb_tensor *made = NULL;
    float *data = NULL;
    for (size_t i = 1; i < pb_tensor_rank(b); i++)
        axes[i] = pb_tensor_axis(b, i);
    pb_status status = pb_tensor_create(pb_tensor_rank(b), axes, &made, &data, error);
    if (status)
        return status;
    pb_fill_floats(x, pb_tensor_size(made), 1, false, data);
    return pb_value_take_tensor(&made, &meta, result, error);
}

typedef pb_status solver_function(const pb_call *call, const pb_matrices *m, const double *a,
                                  size_t columns, const double *b, double *x, pb_error **error);

static pb_status solve_one(const pb_call *call, const pb_matrices *m, const double *a,
                           size_t columns, const double *b, double *x, pb_error **error)
{
    if (m->rows != m->columns)
        return pb_fail_argument(call, "a", error, PB_VALUE,
                                "solve() needs as many rows as columns: %s has %zu places, %s has "
                                "%zu; lstsq() takes any",
                                pb_axis_name(pb_matrices_row_axis(m)), m->rows,
                                pb_axis_name(pb_matrices_column_axis(m)), m->columns);
    return pb_place_argument(
        call, "a", pb_linear_solve(m->rows, a, columns, b, x, pb_call_watch(call), error), error);
}

static pb_status lstsq_one(const pb_call *call, const pb_matrices *m, const double *a,
                           size_t columns, const double *b, double *x, pb_error **error)
{
    size_t rank;
    return pb_place_argument(
        call, "a",
        pb_linear_lstsq(m->rows, m->columns, a, columns, b, x, &rank, pb_call_watch(call), error),
        error);
}

static pb_status run_system(const pb_call *call, const pb_matrices *m, const pb_tensor *b,
                            const char *over, solver_function *solver, pb_value **result,
                            pb_error **error)
{
    pb_tensor *ordered = NULL;
    double *left = pb_doubles_create(m->rows, m->columns), *right = NULL, *x = NULL;
    pb_status status = left ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = read_right(call, b, over, &ordered, &right, error);
    size_t columns = status ? 0 : pb_tensor_size(b) / m->rows;
    if (!status) {
        pb_matrices_read(m, 0, left);
        x = pb_doubles_create(m->columns, columns);
        status = x ? solver(call, m, left, columns, right, x, error) : pb_fail_memory(error);
    }
    if (!status)
        status = make_solution(m, ordered, x, result, error);
    pb_doubles_free(&left);
    pb_doubles_free(&right);
    pb_doubles_free(&x);
    pb_tensor_release(&ordered);
    return status;
}

static pb_status call_system(const pb_call *call, solver_function *solver, pb_value **result,
                             pb_error **error)
{
    const pb_value *a = pb_argument_value(call, "a"), *b = pb_argument_value(call, "b");
    const pb_tensor *left = pb_value_get_tensor(a), *right = pb_value_get_tensor(b);
    const char *over = NULL;
    pb_matrices m;
    pb_status status = pb_check_models(a, b, error);
    if (!status)
        status = choose_over(call, left, right, &over, error);
    if (!status)
        status = check_rank(call, left, right, over, error);
    if (!status)
        status = pb_matrices_open(call, "a", over, NULL, &m, error);
    if (status)
        return status;
    status = run_system(call, &m, right, over, solver, result, error);
    pb_matrices_close(&m);
    return status;
}

static pb_status call_solve(pb_call *call, pb_value **result, pb_error **error)
{
    return call_system(call, solve_one, result, error);
}

static pb_status call_lstsq(pb_call *call, pb_value **result, pb_error **error)
{
    return call_system(call, lstsq_one, result, error);
}

/* ---- cosine ---- */

static pb_status cosine_of(const pb_call *call, const pb_tensor *a, const pb_tensor *b,
                           const char *over, pb_tensor **result, pb_error **error)
{
    const pb_watch *watch = pb_call_watch(call);
    pb_tensor *product = NULL, *norm_a = NULL, *norm_b = NULL, *by_a = NULL;
    pb_status status = pb_tensor_dot(a, b, 1, &over, watch, &product, error);
    if (!status)
        status = pb_tensor_reduce(PB_NORM, a, 1, &over, watch, &norm_a, error);
    if (!status)
        status = pb_tensor_reduce(PB_NORM, b, 1, &over, watch, &norm_b, error);
    if (!status)
        status = pb_tensor_binary(PB_DIV, product, norm_a, watch, &by_a, error);
    if (!status)
        status = pb_tensor_binary(PB_DIV, by_a, norm_b, watch, result, error);
    pb_tensor_release(&product);
    pb_tensor_release(&norm_a);
    pb_tensor_release(&norm_b);
    pb_tensor_release(&by_a);
    return status;
}

static pb_status call_cosine(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *a = pb_argument_value(call, "a"), *b = pb_argument_value(call, "b");
    const char *over = NULL;
    pb_tensor *made = NULL;
    const pb_meta meta = {.model = pb_value_meta(pb_value_meta(a)->model ? a : b)->model,
                          .caption = "Cosine of the angle between"};
    pb_status status = pb_check_models(a, b, error);
    if (!status)
        status = choose_over(call, pb_value_get_tensor(a), pb_value_get_tensor(b), &over, error);
    if (!status)
        status = pb_place_argument(
            call, NULL,
            cosine_of(call, pb_value_get_tensor(a), pb_value_get_tensor(b), over, &made, error),
            error);
    return status ? status : pb_value_take_tensor(&made, &meta, result, error);
}

/* ---- rows ---- */

static const pb_parameter matrix_group[] = {
    {.name = "x", .types = PB_TAKES_TENSOR, .what = "a tensor of two axes or more"},
    {.name = "rows",
     .types = PB_TAKES_STRING,
     .fallback = "None",
     .what = "the axis of the rows; None: the last but one"},
    {.name = "columns",
     .types = PB_TAKES_STRING,
     .fallback = "None",
     .what = "the axis of the columns; None: the last"},
    {.name = NULL}};

static const pb_parameter pair_group[] = {
    {.name = "a", .types = PB_TAKES_TENSOR},
    {.name = "b", .types = PB_TAKES_TENSOR},
    {.name = "over",
     .types = PB_TAKES_STRING,
     .fallback = "None",
     .what = "the axis both have; None: the only one they share"},
    {.name = NULL}};

const pb_builtin pb_builtins_algebra[] = {
    {.name = "svd",
     .category = "Linear algebra",
     .summary = "The singular values and vectors of a matrix, or of each matrix of a tensor.",
     .doc = "A record: `.s` falls along `component`, `.u` has the axis of the rows, `.v` that of "
            "the columns, and the matrix is the sum over components of u s v. Axes beside rows and "
            "columns stay: each of their places is a matrix of its own. Computed in double; the "
            "largest component of each left vector, by magnitude, is positive.",
     .result = "a record of tensors: s [component], u [rows, component], v [columns, component]",
     .example = "svd(tensor([[3, 0], [0, -2]], axes=[\"layer\", \"head\"])).s.values",
     .expected = "[3.0, 2.0]",
     .see = "eig pca norm",
     .also = {matrix_group},
     .function = call_svd},
    {.name = "eig",
     .category = "Linear algebra",
     .summary = "The eigenvalues and eigenvectors of a square matrix, or of each of a tensor.",
     .doc = "A record: `.real` and `.imag` of the eigenvalues along `component`, by falling "
            "magnitude; `.vectors` and `.vectors_imag` of length one, with the axis of the rows.",
     .result = "a record of tensors: real [component], imag [component], vectors [rows, "
               "component], vectors_imag [rows, component]",
     .example = "eig(tensor([[2, 1], [1, 2]], axes=[\"layer\", \"head\"])).real.values",
     .expected = "[3.0, 1.0]",
     .see = "svd trace",
     .also = {matrix_group},
     .function = call_eig},
    {.name = "pca",
     .category = "Linear algebra",
     .summary = "Principal components: the directions along which places differ most.",
     .doc = "The mean over the axis `over` is taken away first. A record: `.coordinates` of each "
            "place along the components, `.directions` of length one, `.shares` of the variance. "
            "Signs are those of svd().",
     .result = "a record of tensors: coordinates [over, component], directions [component, "
               "columns], shares [component]",
     .example = "pca(tensor([[0, 1], [3, 1], [6, 1]], axes=[\"prompt\", \"d_model\"]), "
                "over=\"prompt\", k=1).shares.values",
     .expected = "[1.0]",
     .see = "svd",
     .parameters =
         {{.name = "x", .types = PB_TAKES_TENSOR},
          {.name = "over",
           .types = PB_TAKES_STRING,
           .fallback = "\"prompt\"",
           .what = "the axis whose places are compared"},
          {.name = "k", .types = PB_TAKES_INTEGER, .fallback = "2", .what = "how many components"},
          {.name = "columns",
           .types = PB_TAKES_STRING,
           .fallback = "None",
           .what = "the axis of the features; None: the last other one"}},
     .function = call_pca},
    {.name = "solve",
     .category = "Linear algebra",
     .summary = "The x with dot(a, x) = b, for a square matrix a.",
     .doc = "`over` is the axis of the equations, which a and b share; x has a's other axis, and "
            "those of b beside `over`. A singular matrix is an error.",
     .result = "a tensor [a's other axis, b's others]",
     .example = "solve(tensor([[2, 0], [0, 4]], axes=[\"layer\", \"head\"]), tensor([2, 2], "
                "axes=[\"layer\"])).values",
     .expected = "[1.0, 0.5]",
     .see = "lstsq dot",
     .also = {pair_group},
     .function = call_solve},
    {.name = "lstsq",
     .category = "Linear algebra",
     .summary = "The x for which dot(a, x) comes nearest to b: least squares.",
     .doc = "`over` is the axis whose squares are summed, which a and b share; x has a's other "
            "axis, and those of b beside `over`. Of several it is the shortest, as numpy's.",
     .result = "a tensor [a's other axis, b's others]",
     .example = "lstsq(tensor([[1], [1], [1]], axes=[\"prompt\", \"layer\"]), tensor([1, 2, 6], "
                "axes=[\"prompt\"])).values",
     .expected = "[3.0]",
     .see = "solve dot",
     .also = {pair_group},
     .function = call_lstsq},
    {.name = "trace",
     .category = "Linear algebra",
     .summary = "The sum of the diagonal of a square matrix, or of each of a tensor.",
     .result = "a number, or a tensor of the other axes",
     .example = "trace(tensor([[2, 1], [1, 3]], axes=[\"layer\", \"head\"]))",
     .expected = "5.0",
     .see = "eig",
     .also = {matrix_group},
     .function = call_trace},
    {.name = "cosine",
     .category = "Linear algebra",
     .summary = "The cosine of the angle between vectors along an axis.",
     .doc = "dot(a, b, over) / (norm(a, over) norm(b, over)); other axes line up by name.",
     .result = "a number, or a tensor of the other axes",
     .example = "cosine(tensor([3, 4], axes=[\"d_model\"]), tensor([-6, -8], axes=[\"d_model\"]))",
     .expected = "-1.0",
     .see = "dot norm",
     .also = {pair_group},
     .function = call_cosine},
    {0}};
