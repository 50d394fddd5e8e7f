/* patchbay: the Jupyter kernel, and the same language on a command line. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/nearest.h"
#include "command.h"
#include "versions.h"

/* ---- what is said ---- */

/* The lines of a text, each after so many blanks but the first. */
static void print_indented(FILE *out, const char *text, int blanks)
{
    for (const char *line = text; *line;) {
        int length = (int)strcspn(line, "\n");
        fprintf(out, "%*s%.*s\n", line == text ? 0 : blanks, "", length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_usage(FILE *out, const pb_command *command)
{
    fprintf(out, "usage: patchbay %s%s%s\n", command->name, command->usage[0] ? " " : "",
            command->usage);
    for (const pb_command_option *option = command->options; option->text; option++) {
        bool both = option->name[0] && option->argument[0];
        int wide = fprintf(out, "  %s%s%s", option->name, both ? " " : "", option->argument);
        fprintf(out, "%*s", wide < 18 ? 18 - wide : 1, "");
        print_indented(out, option->text, 18);
    }
}

/* The first argument that looks like an option and is none. */
static const char *unknown_option(const pb_command *command, int count, char **arguments)
{
    for (int i = 0; i < count; i++) {
        bool known = arguments[i][0] != '-' || !arguments[i][1];
        for (const pb_command_option *option = command->options; option->text && !known; option++)
            known = strcmp(arguments[i], option->name) == 0;
        if (!known)
            return arguments[i];
    }
    return NULL;
}

int pb_usage(const pb_command *command, int count, char **arguments)
{
    const char *names[PB_COMMAND_OPTIONS], *unknown = unknown_option(command, count, arguments);
    size_t n = 0;
    for (const pb_command_option *option = command->options; option->text; option++)
        if (option->name[0])
            names[n++] = option->name;
    const char *nearest = unknown ? pb_nearest(unknown, names, n) : NULL;
    if (nearest)
        fprintf(stderr, "patchbay: there is no option '%s'; did you mean '%s'?\n", unknown,
                nearest);
    print_usage(stderr, command);
    return PB_EXIT_USAGE;
}

int pb_report(pb_error **error)
{
    const char *hint = pb_error_hint_text(*error);
    fprintf(stderr, "patchbay: %s\n", pb_error_text(*error));
    if (hint)
        fprintf(stderr, "hint: %s\n", hint);
    pb_error_destroy(error);
    return PB_EXIT_FAILED;
}

static int print_help(void)
{
    size_t count;
    const pb_command *commands = pb_commands(&count);
    puts("Patchbay " PB_VERSION ": ask a GPT-2 why it predicted what it predicted.\n");
    for (size_t i = 0; i < count; i++)
        printf("  patchbay %s %s\n      %s\n", commands[i].name, commands[i].usage,
               commands[i].summary);
    puts("\nEach command explains its options with --help.\n");
    for (const pb_setting_row *row = pb_setting_rows; row->name; row++)
        printf("%s %s\n", row->name, row->text);
    return PB_EXIT_OK;
}

static int print_version(void)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_versions_write(&text);
    printf("patchbay " PB_VERSION "\n%s", text.data ? text.data : "");
    pb_buffer_free(&text);
    return PB_EXIT_OK;
}

static int no_such_command(const char *name)
{
    const char *names[64], *nearest;
    size_t count;
    const pb_command *commands = pb_commands(&count);
    for (size_t i = 0; i < count; i++)
        names[i] = commands[i].name;
    nearest = pb_nearest(name, names, count);
    fprintf(stderr, "patchbay: there is no command '%s'; ", name);
    if (nearest)
        fprintf(stderr, "did you mean '%s'?", nearest);
    for (size_t i = 0; i < count && !nearest; i++)
        fprintf(stderr, "%s%s", i == 0 ? "there are " : ", ", names[i]);
    fputs("\n'patchbay --help' says what each does\n", stderr);
    return PB_EXIT_USAGE;
}

/* The command of that name; NULL if there is none. */
static const pb_command *find_command(const char *name)
{
    size_t count;
    const pb_command *commands = pb_commands(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

/* help, or help COMMAND. */
static int help(int count, char **arguments)
{
    if (count == 0)
        return print_help();
    const pb_command *command = find_command(arguments[0]);
    if (!command)
        return no_such_command(arguments[0]);
    print_usage(stdout, command);
    return PB_EXIT_OK;
}

static void write_log(void *user, pb_log_level level, const char *line)
{
    (void)user;
    static const char *const names[] = {"debug", "info", "warning", "error"};
    dprintf(STDERR_FILENO, "[patchbay %s] %s\n", names[level], line); /* locks no stream */
}

static pb_log_level wanted_level(void)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    const char *wanted = getenv("PATCHBAY_LOG");
    for (size_t i = 0; wanted && i < sizeof names / sizeof *names; i++)
        if (strcmp(wanted, names[i]) == 0)
            return (pb_log_level)i;
    return PB_LOG_WARNING;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What was written may still be in a buffer, and the disk it goes to full. */
static int with_output_written(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "patchbay: the output could not be written: %s\n", strerror(errno));
    return code == PB_EXIT_OK ? PB_EXIT_FAILED : code;
}

static int run_command(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    if (count != 1 || !asks_for_help(arguments[0]))
        return with_output_written(command->run(command, log, count, arguments));
    print_usage(stdout, command);
    return with_output_written(PB_EXIT_OK);
}

/*
 * After each product OpenMP's threads spin for about a millisecond, waiting for the next one.
 * Beside a browser on the same cores that costs several times what it saves (docs/performance.md),
 * so they sleep instead. The runtime reads its settings when a program is loaded: this one is
 * loaded again with them. Where that fails it is only slower.
 */
static void load_again_to_wait_asleep(char **arguments)
{
    bool settled = getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT");
    if (!settled && setenv("OMP_WAIT_POLICY", "PASSIVE", 1) == 0)
        execv("/proc/self/exe", arguments);
}

/* The same depth of calls on a command line as in the kernel, whose threads have such stacks. */
static void allow_deep_calls(void)
{
    const rlim_t wanted = (rlim_t)64 << 20;
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) || stack.rlim_cur == RLIM_INFINITY ||
        stack.rlim_cur >= wanted)
        return;
    bool allowed = stack.rlim_max == RLIM_INFINITY || stack.rlim_max >= wanted;
    stack.rlim_cur = allowed ? wanted : stack.rlim_max;
    (void)setrlimit(RLIMIT_STACK, &stack); /* without it calls nest less deeply */
}

/* Where addresses are short (ulimit -v), glibc's heap of each thread would take 64 MB of them, at a
 * moment nobody can see: what was asked for just before is no longer to be had, and the library of
 * products faults. One heap for all threads makes the answer hold. */
static void share_one_heap_where_addresses_are_short(void)
{
    struct rlimit addresses;
    if (getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY)
        (void)mallopt(M_ARENA_MAX, 1);
}

/* Where a standard stream is closed, the next file that is opened would be taken for it: the log
 * would go into the history. */
static void open_standard_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return; /* there is nowhere to say so */
}

int main(int count, char **arguments)
{
    open_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of who writes it */
    load_again_to_wait_asleep(arguments);
    allow_deep_calls();
    share_one_heap_where_addresses_are_short();
    const pb_log log = {.least = wanted_level(), .write = write_log};
    const char *name = count > 1 ? arguments[1] : "--help";
    if (asks_for_help(name) || strcmp(name, "help") == 0)
        return with_output_written(help(count > 2 ? count - 2 : 0, arguments + 2));
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0)
        return with_output_written(print_version());
    const pb_command *command = find_command(name);
    if (!command)
        return no_such_command(name);
    return run_command(command, &log, count - 2, arguments + 2);
}
