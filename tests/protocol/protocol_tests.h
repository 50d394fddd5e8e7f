/* What the protocol's tests share: cmocka with what it needs, and messages of a front end. */
#ifndef PB_TESTS_PROTOCOL_TESTS_H
#define PB_TESTS_PROTOCOL_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "message.h"

#define TEST_KEY "a key"

/* A frame of a string literal. */
#define FRAME(text) ((pb_frame){(char[]){text}, sizeof(text) - 1})

static inline void append_text(pb_frames *frames, const char *text)
{
    assert_true(pb_frames_append(frames, text, strlen(text)));
}

#endif
