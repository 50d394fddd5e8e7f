/* .npy files are hostile input: whatever is read is written and read again, and must be the same.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "math/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void compare(const pb_tensor *a, const pb_tensor *b)
{
    require(pb_tensor_rank(a) == pb_tensor_rank(b));
    for (size_t i = 0; i < pb_tensor_rank(a); i++)
        require(pb_axis_same(pb_tensor_axis(a, i), pb_tensor_axis(b, i)));
    for (size_t i = 0; i < pb_tensor_size(a); i++) {
        float x = pb_tensor_data(a)[i], y = pb_tensor_data(b)[i];
        require(x == y || (isnan(x) && isnan(y)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pb_tensor *first = NULL, *second = NULL;
    pb_error *error = NULL;
    pb_buffer file = PB_BUFFER_EMPTY;
    if (!pb_npy_read(bytes, length, NULL, &first, &error)) {
        require(error == NULL && pb_tensor_size(first) <= length);
        require(!pb_npy_write(&file, first, PB_NPY_FLOAT64, NULL, &error));
        require(!pb_npy_read(file.data, file.length, NULL, &second, &error));
        compare(first, second);
    } else {
        require(first == NULL && error != NULL);
    }
    pb_buffer_free(&file);
    pb_error_destroy(&error);
    pb_tensor_release(&first);
    pb_tensor_release(&second);
    return 0;
}
