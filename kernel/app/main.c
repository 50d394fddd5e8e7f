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

#define INSTALL_OPTIONS                                                                            \
    "  --user          for you (the default): the kernel where your Jupyter looks\n"               \
    "  --sys-prefix    in the active Python environment\n"                                         \
    "  --prefix DIR    under DIR: bin, share/patchbay, share/jupyter/kernels\n"

static const pb_command commands[] = {
    {"kernel", "-f FILE", "serve a Jupyter front end (Jupyter calls this)",
     "  -f FILE         the connection file that the front end wrote\n", pb_command_kernel},
    {"run", "[--keep-going] FILE",
     "run a notebook's cells, or a file's, which begin at lines that start with '# %%'",
     "  FILE            the file, or - for standard input; a notebook (.ipynb) runs in its folder\n"
     "  --keep-going    run the cells after one that failed, too; the exit status still tells\n",
     pb_command_run},
    {"eval", "CODE", "run one piece of code and print its value", "", pb_command_eval},
    {"reference", "", "print the reference of the language's words, in Markdown", "",
     pb_command_reference},
    {"console", "", "type cells line by line", "", pb_command_console},
    {"fetch", "[--tries N] MODEL",
     "download a model from the Hugging Face hub, where load() finds it",
     "  MODEL           gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, or ORG/NAME;\n"
     "                  MODEL@REVISION for a branch, a tag or a commit other than main\n"
     "  --tries N       give up after N tries that brought nothing (5)\n",
     pb_command_fetch},
    {"install", "[--user | --sys-prefix | --prefix DIR] [--link] [--destdir DIR]",
     "install the program and make Jupyter know it",
     INSTALL_OPTIONS
     "  --link          only tell Jupyter where this program lies, and copy nothing\n"
     "  --destdir DIR   put all of it below DIR, for a package that is unpacked elsewhere\n",
     pb_command_install},
    {"uninstall", "[--user | --sys-prefix | --prefix DIR]", "take away what install put there",
     INSTALL_OPTIONS, pb_command_uninstall},
};

static const size_t n_commands = sizeof commands / sizeof *commands;

/* ---- what is said ---- */

static void print_usage(FILE *out, const pb_command *command)
{
    fprintf(out, "usage: patchbay %s %s\n%s", command->name, command->usage, command->help);
}

int pb_usage(const pb_command *command)
{
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
    puts("Patchbay " PB_VERSION ": ask a GPT-2 why it predicted what it predicted.\n");
    for (size_t i = 0; i < n_commands; i++)
        printf("  patchbay %s %s\n      %s\n", commands[i].name, commands[i].usage,
               commands[i].summary);
    puts("\nEach command explains its options with --help.");
    puts("\nPATCHBAY_MODELS names folders that hold models, separated by colons.\n"
         "PATCHBAY_HISTORY names the file that keeps what was typed.\n"
         "PATCHBAY_MEMORY is what all values of a session may hold: 800M, 8G, or a number of "
         "bytes;\nthree quarters of the machine's memory where it is not set.\n"
         "PATCHBAY_LOG is how much is said on stderr: debug, info, warning or error.");
    return PB_EXIT_OK;
}

static int no_such_command(const char *name)
{
    const char *names[sizeof commands / sizeof *commands];
    for (size_t i = 0; i < n_commands; i++)
        names[i] = commands[i].name;
    const char *nearest = pb_nearest(name, names, n_commands);
    fprintf(stderr, "patchbay: there is no command '%s'; ", name);
    if (nearest)
        fprintf(stderr, "did you mean '%s'?", nearest);
    for (size_t i = 0; i < n_commands && !nearest; i++)
        fprintf(stderr, "%s%s", i == 0 ? "there are " : ", ", names[i]);
    fputs("\n'patchbay --help' says what each does\n", stderr);
    return PB_EXIT_USAGE;
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
        return print_help();
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts("patchbay " PB_VERSION);
        return PB_EXIT_OK;
    }
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(name, commands[i].name) == 0)
            return run_command(&commands[i], &log, count - 2, arguments + 2);
    return no_such_command(name);
}
