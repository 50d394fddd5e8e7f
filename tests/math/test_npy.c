/* .npy: files as NumPy writes them, and files that lie. */
#include "tensor_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "math/npy.h"

/* A file of version 1.0 around a header and the bytes of its values. */
static pb_buffer make_file(const char *header, const void *values, size_t size)
{
    pb_buffer file = PB_BUFFER_EMPTY;
    size_t length = strlen(header);
    pb_buffer_append(&file, "\x93NUMPY\x01\x00", 8);
    pb_buffer_byte(&file, (char)(length & 0xff));
    pb_buffer_byte(&file, (char)(length >> 8));
    pb_buffer_text(&file, header);
    pb_buffer_append(&file, values, size);
    return file;
}

#define HEADER(type, order, shape)                                                                 \
    "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void expect_read(pb_buffer *file, const char *shape, const float *values)
{
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    pb_status status = pb_npy_read(file->data, file->length, NULL, &tensor, &error);
    if (status)
        fail_msg("%s", pb_error_text(error));
    expect_tensor(&tensor, shape, values);
    pb_buffer_free(file);
}

static void expect_refused(pb_buffer *file, pb_status code, const char *text)
{
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    pb_status status = pb_npy_read(file->data, file->length, NULL, &tensor, &error);
    expect_error(status, &error, code, text, NULL);
    assert_null(tensor);
    pb_buffer_free(file);
}

/* The bytes of numpy.save(f, numpy.array([[1.5, -2], [0, 3]], "<f4")). */
static void bytes_are_numpys(void **state)
{
    (void)state;
    static const char wanted[] =
        "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
        "                                                          \n"
        "\x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x40\x40";
    pb_tensor *t = make_tensor("layer=2 pos=2", VALUES(1.5f, -2, 0, 3));
    pb_buffer file = PB_BUFFER_EMPTY;
    assert_int_equal(pb_npy_write(&file, t, PB_NPY_FLOAT32, NULL, NULL), PB_OK);
    assert_int_equal(file.length, sizeof wanted - 1);
    assert_memory_equal(file.data, wanted, file.length);
    expect_read(&file, "dim0=2 dim1=2", VALUES(1.5f, -2, 0, 3));
    pb_tensor_release(&t);
}

static void every_type_comes_back(void **state)
{
    (void)state;
    const char *const shapes[] = {"", "pos=3", "a=2 b=3", "a=1 b=2 c=3 d=1 e=1 f=1 g=1 h=2", "a=0"};
    const char *const back[] = {"", "dim0=3", "dim0=2 dim1=3",
                                "dim0=1 dim1=2 dim2=3 dim3=1 dim4=1 dim5=1 dim6=1 dim7=2",
                                "dim0=0"};
    const pb_npy_type types[] = {PB_NPY_FLOAT32, PB_NPY_FLOAT64, PB_NPY_INT32, PB_NPY_INT64};
    const float values[] = {-1, 0, 2, 3, -40, 65536, 7, 8, 9, 10, 11, -16777216};
    for (size_t i = 0; i < COUNT(shapes); i++)
        for (size_t j = 0; j < COUNT(types); j++) {
            pb_tensor *t = make_tensor(shapes[i], values);
            pb_buffer file = PB_BUFFER_EMPTY;
            assert_int_equal(pb_npy_write(&file, t, types[j], NULL, NULL), PB_OK);
            size_t width = types[j] == PB_NPY_FLOAT64 || types[j] == PB_NPY_INT64 ? 8 : 4;
            assert_int_equal((file.length - width * pb_tensor_size(t)) % 64, 0);
            expect_read(&file, back[i], values);
            pb_tensor_release(&t);
        }
}

static void booleans_come_back_as_booleans(void **state)
{
    (void)state;
    pb_error *error = NULL;
    pb_tensor *t = make_tensor("pos=3", VALUES(1, 0, 1)), *read = NULL;
    pb_buffer file = PB_BUFFER_EMPTY;
    pb_status status = pb_npy_write(&file, t, PB_NPY_BOOL, NULL, &error);
    expect_error(status, &error, PB_VALUE, "only a comparison can be written as booleans", NULL);
    pb_tensor_mark_boolean(t);
    assert_int_equal(pb_npy_write(&file, t, PB_NPY_BOOL, NULL, NULL), PB_OK);
    assert_int_equal(pb_npy_read(file.data, file.length, NULL, &read, NULL), PB_OK);
    assert_true(pb_tensor_is_boolean(read));
    expect_tensor(&read, "dim0=3", VALUES(1, 0, 1));
    pb_buffer_free(&file);
    pb_tensor_release(&t);
}

static void integers_must_be_whole_and_fit(void **state)
{
    (void)state;
    const struct {
        float value;
        pb_npy_type type;
        const char *text;
    } cases[] = {
        {0.5f, PB_NPY_INT32, "value 0 is 0.5, which is not an integer of this type"},
        {2147483648.0f, PB_NPY_INT32,
         "value 0 is 2.14748365e+09, which is not an integer of this "
         "type"},
        {NAN, PB_NPY_INT64, "value 0 is nan, which is not an integer of this type"},
        {INFINITY, PB_NPY_INT64, "value 0 is inf, which is not an integer of this type"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_error *error = NULL;
        pb_tensor *t = make_tensor("", &cases[i].value);
        pb_buffer file = PB_BUFFER_EMPTY;
        pb_status status = pb_npy_write(&file, t, cases[i].type, NULL, &error);
        expect_error(status, &error, PB_VALUE, cases[i].text,
                     "write it as float32, or round it first");
        assert_null(file.data);
        pb_tensor_release(&t);
    }
}

static void other_peoples_files_are_read(void **state)
{
    (void)state;
    const struct {
        const char *header;
        const char *bytes;
        size_t size;
        const char *shape;
        const float *values;
    } cases[] = {
        {HEADER("|i1", "False", "(2,)"), "\xff\x7f", 2, "dim0=2", VALUES(-1, 127)},
        {HEADER("|u1", "False", "(2,)"), "\xff\x7f", 2, "dim0=2", VALUES(255, 127)},
        {HEADER("<i2", "False", "(2,)"), "\xfe\xff\x01\x02", 4, "dim0=2", VALUES(-2, 513)},
        {HEADER(">i2", "False", "(2,)"), "\xff\xfe\x02\x01", 4, "dim0=2", VALUES(-2, 513)},
        {HEADER("<u4", "False", "()"), "\x00\x00\x00\x80", 4, "", VALUES(2147483648.0f)},
        {HEADER("<i8", "False", "(1,)"), "\x00\x00\x00\x00\x00\x00\x00\x80", 8, "dim0=1",
         VALUES(-0x1p63f)},
        {HEADER("<u8", "False", "(1,)"), "\x00\x00\x00\x00\x00\x00\x00\x80", 8, "dim0=1",
         VALUES(0x1p63f)},
        {HEADER("<f2", "False", "(6,)"), "\x00\x3c\x00\xc0\x00\x7c\x00\x7e\x01\x00\xff\x7b", 12,
         "dim0=6", VALUES(1, -2, INFINITY, NAN, 5.96046448e-08f, 65504)},
        {HEADER(">f4", "False", "(1,)"), "\x3f\xc0\x00\x00", 4, "dim0=1", VALUES(1.5f)},
        {HEADER("<f8", "False", "(1,)"), "\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8, "dim0=1",
         VALUES(0.1f)},
        {HEADER("|u1", "True", "(2, 3)"), "\x00\x01\x02\x03\x04\x05", 6, "dim0=2 dim1=3",
         VALUES(0, 2, 4, 1, 3, 5)},
        {HEADER("|u1", "True", "(3,)"), "\x00\x01\x02", 3, "dim0=3", VALUES(0, 1, 2)},
        {HEADER("|b1", "False", "(2,)"), "\x01\x00", 2, "dim0=2", VALUES(1, 0)},
        /* another order of keys, double quotes, no spaces, Python 2's long integers */
        {"{\"shape\":(1L,2L),\"fortran_order\":False,\"descr\":\"|u1\"}", "\x05\x06", 2,
         "dim0=1 dim1=2", VALUES(5, 6)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_buffer file = make_file(cases[i].header, cases[i].bytes, cases[i].size);
        expect_read(&file, cases[i].shape, cases[i].values);
    }
}

static void later_versions_have_longer_headers(void **state)
{
    (void)state;
    static const char header[] = HEADER("|u1", "False", "(1,)");
    for (char version = 2; version <= 3; version++) {
        pb_buffer file = PB_BUFFER_EMPTY;
        pb_buffer_append(&file, "\x93NUMPY", 6);
        pb_buffer_byte(&file, version);
        pb_buffer_byte(&file, 0);
        pb_buffer_byte(&file, (char)(sizeof header - 1));
        pb_buffer_append(&file, "\0\0\0", 3);
        pb_buffer_text(&file, header);
        pb_buffer_byte(&file, 9);
        expect_read(&file, "dim0=1", VALUES(9));
    }
}

static void lies_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *header, *bytes;
        size_t size;
        pb_status code;
        const char *text;
    } cases[] = {
        {HEADER("<f4", "False", "(2,)"), "1234", 4, PB_FORMAT,
         "the .npy file should hold 8 bytes of values and holds 4"},
        {HEADER("<f4", "False", "(1,)"), "12345", 5, PB_FORMAT,
         "the .npy file should hold 4 bytes of values and holds 5"},
        {HEADER("<f4", "False", "(4611686018427387904, 4)"), "", 0, PB_LIMIT,
         "the .npy file claims more values than memory has"},
        {HEADER("<f4", "False", "(99999999999999999999,)"), "", 0, PB_FORMAT,
         "the header of the .npy file is broken: its shape holds something that is no length"},
        {HEADER("<f4", "False", "(0, 4611686018427387904)"), "", 0, PB_LIMIT,
         "the axis dim1 would have 4611686018427387904 places; the most is 2147483648"},
        {HEADER("<f4", "False", "(1,1,1,1,1,1,1,1,1)"), "1234", 4, PB_LIMIT,
         "the .npy file has more than 8 axes"},
        {HEADER("<f4", "False", "(-1,)"), "", 0, PB_FORMAT,
         "the header of the .npy file is broken: its shape holds something that is no length"},
        {HEADER("<f4", "False", "(1 2)"), "", 0, PB_FORMAT,
         "the header of the .npy file is broken: its shape does not end"},
        {HEADER("<f4", "False", "3"), "", 0, PB_FORMAT,
         "the header of the .npy file is broken: its shape is not a tuple"},
        {HEADER("<c8", "False", "(1,)"), "12345678", 8, PB_UNSUPPORTED,
         "the .npy file has values of type '<c8'; expected booleans, integers or floats of up to 8 "
         "bytes"},
        {HEADER("|O", "False", "(1,)"), "", 0, PB_UNSUPPORTED,
         "the .npy file has values of type '|O'; expected booleans, integers or floats of up to 8 "
         "bytes"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "", 0, PB_UNSUPPORTED,
         "the .npy file has values of a structured type; expected plain numbers"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", "", 0, PB_FORMAT,
         "the header of the .npy file is broken: fortran_order is neither True nor False"},
        {"{'descr': '<f4', 'descr': '<f4'}", "", 0, PB_FORMAT,
         "the header of the .npy file is broken: a key is unknown or there twice"},
        {"{'descr': '<f4', 'fortran_order': False}", "", 0, PB_FORMAT,
         "the header of the .npy file is broken: descr, fortran_order or shape is missing"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "", 0, PB_FORMAT,
         "the header of the .npy file is broken: something follows the dict"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()", "", 0, PB_FORMAT,
         "the header of the .npy file is broken: the dict does not end"},
        {"[]", "", 0, PB_FORMAT, "the header of the .npy file is broken: it is not a dict"},
        {"", "", 0, PB_FORMAT, "the header of the .npy file is broken: it is not a dict"},
        {"{'descr", "", 0, PB_FORMAT,
         "the header of the .npy file is broken: expected a key and a colon"},
        {HEADER("<i4", "False", "(1,)"), "\x01\x00\x00\x01", 4, PB_VALUE,
         "value 0 of the .npy file (i4) cannot be held by float32"},
        {HEADER("<u8", "False", "(1,)"), "\xff\xff\xff\xff\xff\xff\xff\xff", 8, PB_VALUE,
         "value 0 of the .npy file (u8) cannot be held by float32"},
        {HEADER("<i8", "False", "(1,)"), "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, PB_VALUE,
         "value 0 of the .npy file (i8) cannot be held by float32"},
        {HEADER("<f8", "False", "(1,)"), "\x00\x00\x00\x00\x00\x00\xe0\x7f", 8, PB_VALUE,
         "value 0 of the .npy file (f8) cannot be held by float32"},
        {HEADER("|b1", "False", "(2,)"), "\x01\x02", 2, PB_VALUE,
         "value 1 of the .npy file (b1) cannot be held by float32"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_buffer file = make_file(cases[i].header, cases[i].bytes, cases[i].size);
        expect_refused(&file, cases[i].code, cases[i].text);
    }
}

static void broken_starts_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
        pb_status code;
        const char *text;
    } cases[] = {
        {"PK\x03\x04 a zip file", 15, PB_FORMAT,
         "this is not a .npy file: it does not start with \\x93NUMPY"},
        {"\x93NUMPY\x01\x00\x10", 9, PB_FORMAT,
         "this is not a .npy file: it does not start with \\x93NUMPY"},
        {"\x93NUMPY\x01\x00\x10\x00{}", 12, PB_FORMAT, "the .npy file ends inside its header"},
        {"\x93NUMPY\x01\x00\x03\x00{}", 12, PB_FORMAT, "the .npy file ends inside its header"},
        {"\x93NUMPY\x02\x00\x10\x00", 10, PB_FORMAT, "the .npy file ends inside its header"},
        {"\x93NUMPY\x04\x00\x10\x00{}", 12, PB_UNSUPPORTED,
         "the .npy file has version 4.0; expected 1, 2 or 3"},
        {"\x93NUMPY\x02\x00\xff\xff\xff\xff", 12, PB_LIMIT,
         "the .npy file has a header of 4294967295 bytes; the most is 65536"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_buffer file = PB_BUFFER_EMPTY;
        pb_buffer_append(&file, cases[i].bytes, cases[i].size);
        expect_refused(&file, cases[i].code, cases[i].text);
    }
}

/* Every prefix, and every file with one byte changed: an error or a tensor, and no fault. */
static void damaged_files_never_harm(void **state)
{
    (void)state;
    pb_buffer file = make_file(HEADER("<f4", "True", "(2, 1)"), "\0\0\xc0\x3f\0\0\x80\x3f", 8);
    for (size_t length = 0; length < file.length; length++) {
        pb_tensor *tensor = NULL;
        char *copy = malloc(length ? length : 1);
        memcpy(copy, file.data, length);
        assert_int_not_equal(pb_npy_read(copy, length, NULL, &tensor, NULL), PB_OK);
        free(copy);
    }
    for (size_t i = 0; i < file.length * 256; i++) {
        pb_tensor *tensor = NULL;
        char old = file.data[i / 256];
        file.data[i / 256] = (char)(i % 256);
        if (!pb_npy_read(file.data, file.length, NULL, &tensor, NULL))
            assert_true(pb_tensor_size(tensor) <= 8);
        pb_tensor_release(&tensor);
        file.data[i / 256] = old;
    }
    pb_buffer_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_numpys),
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(booleans_come_back_as_booleans),
        cmocka_unit_test(integers_must_be_whole_and_fit),
        cmocka_unit_test(other_peoples_files_are_read),
        cmocka_unit_test(later_versions_have_longer_headers),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(broken_starts_are_refused),
        cmocka_unit_test(damaged_files_never_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
