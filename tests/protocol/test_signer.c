/* Signatures: a known answer, what is refused, and the memory of those seen. */
#include "protocol_tests.h"
#include "replay.h"

static pb_signer *make(const char *key)
{
    pb_signer *signer = NULL;
    assert_int_equal(pb_signer_create(key, strlen(key), &signer, NULL), PB_OK);
    return signer;
}

/* RFC 4231, test case 2: the text lies in four frames here. */
static void test_known_answer(void **state)
{
    (void)state;
    pb_signer *signer = make("Jefe");
    const pb_frame frames[] = {FRAME("what do "), FRAME("ya want "), FRAME("for "),
                               FRAME("nothing?")};
    char signature[PB_SIGNATURE_LENGTH + 1];
    assert_int_equal(pb_signer_sign(signer, frames, signature, NULL), PB_OK);
    assert_string_equal(signature,
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    pb_frame given = {signature, PB_SIGNATURE_LENGTH};
    assert_int_equal(pb_signer_check(signer, frames, &given, NULL), PB_OK);
    assert_int_equal(pb_signer_check(signer, frames, &given, NULL), PB_FORMAT); /* seen */
    pb_signer_destroy(&signer);
    assert_null(signer);
}

static void test_every_changed_digit_is_refused(void **state)
{
    (void)state;
    pb_signer *signer = make(TEST_KEY);
    const pb_frame frames[] = {FRAME("a"), FRAME("b"), FRAME("c"), FRAME("d")};
    char signature[PB_SIGNATURE_LENGTH + 1];
    assert_int_equal(pb_signer_sign(signer, frames, signature, NULL), PB_OK);
    pb_frame given = {signature, PB_SIGNATURE_LENGTH};
    for (size_t i = 0; i < PB_SIGNATURE_LENGTH; i++) {
        char right = signature[i];
        signature[i] = right == '0' ? '1' : '0';
        assert_int_equal(pb_signer_check(signer, frames, &given, NULL), PB_FORMAT);
        signature[i] = right;
    }
    for (size_t length = 0; length < PB_SIGNATURE_LENGTH; length++) {
        pb_frame shorter = {signature, length};
        assert_int_equal(pb_signer_check(signer, frames, &shorter, NULL), PB_FORMAT);
    }
    pb_frame longer = {signature, PB_SIGNATURE_LENGTH + 1};
    assert_int_equal(pb_signer_check(signer, frames, &longer, NULL), PB_FORMAT);
    assert_int_equal(pb_signer_check(signer, frames, &given, NULL), PB_OK); /* not used up */
    pb_signer_destroy(&signer);
}

/* Moving bytes from one frame to its neighbour does not change the digest: the text is the same.
 * The protocol has it so; what matters is that no byte is left out. */
static void test_all_four_frames_count(void **state)
{
    (void)state;
    pb_signer *signer = make(TEST_KEY);
    char before[PB_SIGNATURE_LENGTH + 1], after[PB_SIGNATURE_LENGTH + 1];
    pb_frame frames[] = {FRAME("1"), FRAME("2"), FRAME("3"), FRAME("4")};
    assert_int_equal(pb_signer_sign(signer, frames, before, NULL), PB_OK);
    for (size_t i = 0; i < PB_SIGNED_FRAMES; i++) {
        char was = frames[i].data[0];
        frames[i].data[0] = 'x';
        assert_int_equal(pb_signer_sign(signer, frames, after, NULL), PB_OK);
        assert_string_not_equal(before, after);
        frames[i].data[0] = was;
    }
    pb_signer_destroy(&signer);
}

static void test_empty_key_signs_nothing(void **state)
{
    (void)state;
    pb_signer *signer = make("");
    const pb_frame frames[] = {FRAME("1"), FRAME("2"), FRAME("3"), FRAME("4")};
    const pb_frame anything = FRAME("anything");
    char signature[PB_SIGNATURE_LENGTH + 1];
    assert_int_equal(pb_signer_sign(signer, frames, signature, NULL), PB_OK);
    assert_string_equal(signature, "");
    for (int i = 0; i < 2; i++)
        assert_int_equal(pb_signer_check(signer, frames, &anything, NULL), PB_OK);
    pb_signer_destroy(&signer);
}

/* ---- the set of signatures seen ---- */

/* A digest made of a number, its bits spread over the first bytes, which are the hash. */
static void number_digest(uint64_t number, unsigned char digest[PB_DIGEST_BYTES])
{
    memset(digest, 0, PB_DIGEST_BYTES);
    uint64_t hash = (number + 1) * 0x9E3779B97F4A7C15u;
    memcpy(digest, &hash, sizeof hash);
    memcpy(digest + 8, &number, sizeof number);
}

static void test_the_oldest_are_forgotten(void **state)
{
    (void)state;
    enum { CAPACITY = 256, ROUNDS = 5000 };
    pb_replay *replay = pb_replay_create(CAPACITY);
    assert_non_null(replay);
    unsigned char digest[PB_DIGEST_BYTES];
    for (uint64_t i = 0; i < ROUNDS; i++) {
        number_digest(i, digest);
        assert_true(pb_replay_add(replay, digest));
        for (uint64_t back = 0; back < CAPACITY && back <= i; back += 17) {
            number_digest(i - back, digest);
            assert_false(pb_replay_add(replay, digest));
        }
    }
    number_digest(ROUNDS - CAPACITY, digest); /* the oldest still known */
    assert_false(pb_replay_add(replay, digest));
    number_digest(ROUNDS - CAPACITY - 1, digest);
    assert_true(pb_replay_add(replay, digest));
    pb_replay_destroy(&replay);
    assert_null(replay);
}

/* Digests whose hashes collide: the table is probed, and stays right while some leave. */
static void test_collisions(void **state)
{
    (void)state;
    enum { CAPACITY = 16 };
    pb_replay *replay = pb_replay_create(CAPACITY);
    assert_non_null(replay);
    unsigned char digest[PB_DIGEST_BYTES] = {0};
    for (unsigned i = 0; i < 400; i++) {
        digest[0] = (unsigned char)(i % 3 * 31); /* homes 0, 31 and 62: the last wraps around */
        digest[8] = (unsigned char)i;
        digest[9] = (unsigned char)(i >> 8);
        assert_true(pb_replay_add(replay, digest));
        assert_false(pb_replay_add(replay, digest));
        for (unsigned back = 1; back < CAPACITY && back <= i; back++) {
            unsigned char older[PB_DIGEST_BYTES] = {0};
            older[0] = (unsigned char)((i - back) % 3 * 31);
            older[8] = (unsigned char)(i - back);
            older[9] = (unsigned char)((i - back) >> 8);
            assert_false(pb_replay_add(replay, older));
        }
    }
    pb_replay_destroy(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_every_changed_digit_is_refused),
        cmocka_unit_test(test_all_four_frames_count),
        cmocka_unit_test(test_empty_key_signs_nothing),
        cmocka_unit_test(test_the_oldest_are_forgotten),
        cmocka_unit_test(test_collisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
