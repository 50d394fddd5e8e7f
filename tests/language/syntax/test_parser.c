/* Trees: precedence, shapes, bounds, and whether more text could complete a cell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "syntax/parser.h"

/* ---- a tree as text: every node in brackets ---- */

static void write_node(const pb_node *node, pb_buffer *out);

static const char *operator_text(pb_operator op)
{
    static const char *const texts[] = {
        [PB_OP_ADD] = "+",          [PB_OP_SUB] = "-",         [PB_OP_MUL] = "*",
        [PB_OP_DIV] = "/",          [PB_OP_FLOORDIV] = "//",   [PB_OP_MOD] = "%",
        [PB_OP_POW] = "**",         [PB_OP_EQ] = "==",         [PB_OP_NE] = "!=",
        [PB_OP_LT] = "<",           [PB_OP_LE] = "<=",         [PB_OP_GT] = ">",
        [PB_OP_GE] = ">=",          [PB_OP_IN] = "in",         [PB_OP_NOT_IN] = "not-in",
        [PB_OP_IS] = "is",          [PB_OP_IS_NOT] = "is-not", [PB_OP_BIT_AND] = "&",
        [PB_OP_BIT_OR] = "|",       [PB_OP_BIT_XOR] = "^",     [PB_OP_SHIFT_LEFT] = "<<",
        [PB_OP_SHIFT_RIGHT] = ">>", [PB_OP_NEGATE] = "neg",    [PB_OP_PLUS] = "pos",
        [PB_OP_NOT] = "not",        [PB_OP_INVERT] = "~"};
    return texts[op];
}

static void write_pattern(const pb_pattern *pattern, pb_buffer *out)
{
    if (pattern->name) {
        pb_buffer_format(out, "%s%s", pattern->rest ? "*" : "", pattern->name);
        return;
    }
    for (size_t i = 0; i < pattern->n_items; i++) {
        pb_buffer_byte(out, i ? ' ' : '(');
        write_pattern(&pattern->items[i], out);
    }
    pb_buffer_byte(out, ')');
}

static void write_items(const pb_node *node, const char *head, pb_buffer *out)
{
    pb_buffer_format(out, "(%s", head);
    for (size_t i = 0; i < node->n_items; i++) {
        if (i > 0 && node->operators && node->kind != PB_NODE_UNARY)
            pb_buffer_format(out, " %s", operator_text(node->operators[i - 1]));
        pb_buffer_byte(out, ' ');
        write_node(node->items[i], out);
    }
    for (size_t i = 0; i < node->n_arguments; i++) {
        pb_buffer_format(out, " %s%s", node->arguments[i].name ? node->arguments[i].name : "",
                         node->arguments[i].name ? "=" : "");
        write_node(node->arguments[i].value, out);
    }
    for (size_t i = 0; i < node->n_clauses; i++) {
        const pb_pattern *pattern = node->clauses[i].pattern;
        pb_buffer_text(out, pattern ? " for" : " if");
        for (size_t k = 0; pattern && k < pattern->n_items; k++) {
            pb_buffer_byte(out, ' ');
            write_pattern(&pattern->items[k], out);
        }
        if (pattern && pattern->name)
            pb_buffer_format(out, " %s", pattern->name);
        pb_buffer_byte(out, ' ');
        write_node(node->clauses[i].source, out);
    }
    pb_buffer_byte(out, ')');
}

static void write_assign(const pb_node *node, pb_buffer *out)
{
    pb_buffer_text(out, "(=");
    for (size_t i = 0; i < node->n_targets; i++) {
        const pb_target *target = &node->targets[i];
        pb_buffer_format(out, " %s", target->name ? target->name : "[]");
        if (target->kind == PB_TARGET_COLUMN)
            pb_buffer_format(out, ".%s", target->column);
        for (size_t k = 0; k < target->pattern.n_items; k++) {
            pb_buffer_byte(out, ',');
            write_pattern(&target->pattern.items[k], out);
        }
    }
    pb_buffer_byte(out, ' ');
    write_node(node->items[0], out);
    pb_buffer_byte(out, ')');
}

static void write_function(const pb_node *node, pb_buffer *out)
{
    pb_buffer_format(out, "(fn %s [", node->name ? node->name : "");
    for (size_t i = 0; i < node->n_parameters; i++) {
        pb_buffer_format(out, "%s%s", i ? " " : "", node->parameters[i].name);
        if (node->parameters[i].fallback) {
            pb_buffer_byte(out, '=');
            write_node(node->parameters[i].fallback, out);
        }
    }
    pb_buffer_text(out, "] ");
    write_node(node->items[0], out);
    pb_buffer_byte(out, ')');
}

static void write_node(const pb_node *node, pb_buffer *out)
{
    char head[80];
    if (!node) {
        pb_buffer_byte(out, '_');
        return;
    }
    switch (node->kind) {
    case PB_NODE_CONSTANT: pb_value_repr(node->value, true, out); break;
    case PB_NODE_NAME: pb_buffer_text(out, node->name); break;
    case PB_NODE_LIST: write_items(node, "list", out); break;
    case PB_NODE_RECORD: write_items(node, "record", out); break;
    case PB_NODE_SPREAD: write_items(node, "spread", out); break;
    case PB_NODE_TEXT: write_items(node, "text", out); break;
    case PB_NODE_FORMAT: write_items(node, node->name ? node->name : "format", out); break;
    case PB_NODE_UNARY: write_items(node, operator_text(node->operators[0]), out); break;
    case PB_NODE_BINARY: write_items(node, "op", out); break;
    case PB_NODE_COMPARE: write_items(node, "compare", out); break;
    case PB_NODE_AND: write_items(node, "and", out); break;
    case PB_NODE_OR: write_items(node, "or", out); break;
    case PB_NODE_CHOICE: write_items(node, "if", out); break;
    case PB_NODE_COMPREHENSION: write_items(node, "each", out); break;
    case PB_NODE_CALL: write_items(node, "call", out); break;
    case PB_NODE_INDEX: write_items(node, "index", out); break;
    case PB_NODE_SLICE: write_items(node, "slice", out); break;
    case PB_NODE_BLOCK: write_items(node, "block", out); break;
    case PB_NODE_ATTRIBUTE:
        snprintf(head, sizeof head, ".%s", node->name);
        write_items(node, head, out);
        break;
    case PB_NODE_FUNCTION: write_function(node, out); break;
    case PB_NODE_ASSIGN: write_assign(node, out); break;
    }
}

static pb_program *parse(const char *code, size_t length, pb_parse_end *end, pb_error **error)
{
    pb_program *program = NULL;
    pb_source *source = pb_source_create("test", code, length);
    assert_non_null(source);
    pb_status status = pb_parse_program(source, NULL, NULL, &program, end, error);
    assert_true((!status) == (program != NULL));
    pb_source_release(&source);
    return program;
}

static void expect(const char *code, const char *tree)
{
    pb_error *error = NULL;
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_program *program = parse(code, strlen(code), NULL, &error);
    if (!program)
        fail_msg("%s: %s", code, pb_error_text(error));
    for (size_t i = 0; i < program->n_statements; i++) {
        if (i > 0)
            pb_buffer_byte(&out, ' ');
        write_node(program->statements[i], &out);
        assert_true(program->statements[i]->span.end <= strlen(code));
    }
    assert_string_equal(out.data ? out.data : "", tree);
    pb_buffer_free(&out);
    pb_program_release(&program);
}

static void test_precedence(void **state)
{
    (void)state;
    expect("1 + 2 * 3 - 4", "(op 1 + (op 2 * 3) - 4)");
    expect("-2 ** -1", "(neg (op 2 ** (neg 1)))");
    expect("2 ** 3 ** 2", "(op 2 ** (op 3 ** 2))");
    expect("not a == b and c or d", "(or (and (not (compare a == b)) c) d)");
    expect("a < b <= c != d", "(compare a < b <= c != d)");
    expect("a not in b is not c", "(compare a not-in b is-not c)");
    expect("a | b ^ c & d << 1 + 2", "(op a | (op b ^ (op c & (op d << (op 1 + 2)))))");
    expect("~a.b[1](2)", "(~ (call (index (.b a) 1) 2))");
    expect("(1 + 2) * 3", "(op (op 1 + 2) * 3)");
    expect("a if b else c if d else e", "(if b a (if d c e))");
    expect("lambda x, y=1: x + y if x else 0", "(fn  [x y=1] (if x (op x + y) 0))");
}

static void test_shapes(void **state)
{
    (void)state;
    expect("t[layer=8, pos=\" love\", head=0:3, ::2]",
           "(index t layer=8 pos=' love' head=(slice 0 3 _) (slice _ _ 2))");
    expect("patch(into=a, from=b, layer=1:3)", "(call patch into=a from=b layer=(slice 1 3 _))");
    expect("f(x, y=1) = x + y", "(= f (fn f [x y=1] (op x + y)))");
    expect("t.ok = 1", "(= t.ok 1)");
    expect("a, b = 1, 2", "(= [],a,b (list 1 2))");
    expect("a = b = 3", "(= a b 3)");
    expect("(a = 1; b = 2; a + b)", "(block (= a 1) (= b 2) (op a + b))");
    expect("(a,)", "(list a)");
    expect("()", "(list)");
    expect("{'a': 1, 'b': [2]}", "(record 'a' 1 'b' (list 2))");
    expect("[f(x) for x, y in z if x for w in y]", "(each (call f x) for x y z if x for w y)");
    expect("sum(x for x in y)", "(call sum (each x for x y))");
    expect("[x for i, (a, b) in z]", "(each x for i (a b) z)");
    expect("[x for (a, [b, (c,)]) in z]", "(each x for a (b (c)) z)");
    expect("a, (b, c) = 1", "(= [],a,(b c) 1)");
    expect("a, *b = *c, 1", "(= [],a,*b (list (spread c) 1))");
    expect("[x for [a], (*b, c) in z]", "(each x for (a) (*b c) z)");
    expect("[*a, 2, *b or c]", "(list (spread a) 2 (spread (or b c)))");
    expect("(*a, 2)", "(list (spread a) 2)");
    expect("{**r, 'x': 1}", "(record (spread r) _ 'x' 1)");
    expect("{k: v for k, v in z if v}", "(each k v for k v z if v)");
    expect("'a' \"b\" 'c'", "'abc'");
    expect("f'a{x!r:>{w}}b'", "(text 'a' (r x (text '>' (format w _))) 'b')");
    expect("x?", "(call help x)");
    expect("a = 1; b\n\n\nc;", "(= a 1) b c");
    expect("True and none or FALSE", "(or (and True None) FALSE)");
    expect("f(from=1, in_=2)", "(call f from=1 in_=2)");
    expect("importance = 3", "(= importance 3)");
    expect("def_x + class_y", "(op def_x + class_y)");
}

/* ---- bounds ---- */

static char *repeated(const char *before, const char *middle, const char *after, size_t times)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < times; i++)
        pb_buffer_text(&out, before);
    pb_buffer_text(&out, middle);
    for (size_t i = 0; i < times; i++)
        pb_buffer_text(&out, after);
    return pb_buffer_take(&out);
}

static void expect_refused(const char *before, const char *middle, const char *after)
{
    pb_error *error = NULL;
    char *code = repeated(before, middle, after, 100000);
    assert_null(parse(code, strlen(code), NULL, &error));
    assert_non_null(error);
    pb_error_destroy(&error);
    free(code);
}

static void test_depth(void **state)
{
    (void)state;
    pb_error *error = NULL;
    expect_refused("(", "1", ")");
    expect_refused("[", "1", "]");
    expect_refused("-", "1", "");
    expect_refused("not ", "1", "");
    expect_refused("f(", "1", ")");
    expect_refused("lambda x: ", "1", "");
    expect_refused("2 ** ", "1", "");
    expect_refused("1 if 1 else ", "1", "");
    expect_refused("{'a': ", "1", "}");
    expect_refused("[*", "1", "]");
    expect_refused("[1 for (", "x", ") in 1]");
    expect_refused("", "x", ".y");
    expect_refused("", "x", "[0]");
    char *code = repeated("(", "1", ")", 150);
    pb_program *program = parse(code, strlen(code), NULL, &error);
    assert_non_null(program);
    pb_program_release(&program);
    free(code);
}

/* A line may be as long as it likes: chains are flat. */
static void test_long_lines(void **state)
{
    (void)state;
    pb_error *error = NULL;
    const char *const links[] = {"+1", " and 1", " or 1", "<1", "*1", "\n1", ";1"};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char *code = repeated("", "1", links[i], 1000000 / strlen(links[i]));
        pb_program *program = parse(code, strlen(code), NULL, &error);
        assert_non_null(program);
        pb_program_release(&program);
        free(code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
