/*
 * oneDNN. The only file that includes its headers: 2.x and 3.x differ in their C API, and keep them
 * in different places, but agree on dnnl_sgemm().
 */
#include "matmul_library.h"

#include <stdint.h>
#include <stdio.h>

#if defined(__has_include)
#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl.h>
#else
#include <dnnl.h>
#endif
#else
#include <oneapi/dnnl/dnnl.h>
#endif

pb_status pb_library_sgemm(pb_transpose trans_a, pb_transpose trans_b, size_t m, size_t n, size_t k,
                           float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                           float beta, float *c, size_t ldc, pb_error **error)
{
    char ta = trans_a == PB_PLAIN ? 'N' : 'T', tb = trans_b == PB_PLAIN ? 'N' : 'T';
    dnnl_status_t status =
        dnnl_sgemm(ta, tb, (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, alpha, a, (dnnl_dim_t)lda,
                   b, (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc);
    if (status == dnnl_success)
        return PB_OK;
    if (status == dnnl_out_of_memory)
        return pb_fail_memory(error);
    return pb_fail(error, PB_INTERNAL,
                   "oneDNN refused a matrix product of [%zu, %zu] by [%zu, %zu] with status %d", m,
                   k, k, n, (int)status);
}

void pb_math_library(char *text, size_t size)
{
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, size, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}
