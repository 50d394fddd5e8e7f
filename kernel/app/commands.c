/* The program's commands, each a row with its options. */
#include <stddef.h>

#include "command.h"

/* Where things are installed to. */
#define PLACES                                                                                     \
    {"--user", "", "for you (the default): the kernel where your Jupyter looks"},                  \
        {"--sys-prefix", "", "in the active Python environment"},                                  \
    {                                                                                              \
        "--prefix", "DIR", "under DIR: bin, share/patchbay, share/jupyter/kernels"                 \
    }

static const pb_command commands[] = {
    {
        .name = "kernel",
        .usage = "-f FILE",
        .summary = "serve a Jupyter front end (Jupyter calls this)",
        .options = {{"-f", "FILE", "the connection file that the front end wrote"}},
        .run = pb_command_kernel,
    },
    {
        .name = "run",
        .usage = "[--keep-going] FILE",
        .summary = "run a notebook's cells, or a file's, which begin at lines that start with "
                   "'# %%'",
        .options = {{"", "FILE",
                     "the file, or - for standard input; a notebook (.ipynb) runs in its folder"},
                    {"--keep-going", "",
                     "run the cells after one that failed, too; the exit status still tells"}},
        .run = pb_command_run,
    },
    {
        .name = "eval",
        .usage = "CODE",
        .summary = "run one piece of code and print its value",
        .options = {{"", "CODE",
                     "the code; the model that came along is loaded when it needs one"}},
        .run = pb_command_eval,
    },
    {
        .name = "console",
        .usage = "",
        .summary = "type cells line by line: Tab completes, the arrows recall, Ctrl-R searches",
        .run = pb_command_console,
    },
    {
        .name = "fetch",
        .usage = "[--tries N] MODEL",
        .summary = "download a model from the Hugging Face hub, where load() finds it",
        .options =
            {{"", "MODEL",
              "gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, smollm2-135m, or ORG/NAME;\n"
              "MODEL@REVISION for a branch, a tag or a commit other than main"},
             {"--tries", "N", "give up after N tries that brought nothing (5)"}},
        .run = pb_command_fetch,
    },
    {
        .name = "install",
        .usage = "[--user | --sys-prefix | --prefix DIR] [--link] [--destdir DIR]",
        .summary = "install the program and make Jupyter know it",
        .options = {PLACES,
                    {"--link", "", "only tell Jupyter where this program lies, and copy nothing"},
                    {"--destdir", "DIR",
                     "put all of it below DIR, for a package that is unpacked elsewhere"}},
        .run = pb_command_install,
    },
    {
        .name = "uninstall",
        .usage = "[--user | --sys-prefix | --prefix DIR]",
        .summary = "take away what install put there",
        .options = {PLACES},
        .run = pb_command_uninstall,
    },
    {
        .name = "doctor",
        .usage = "",
        .summary = "say what is here: models, kernels and whether they start, front ends, memory",
        .run = pb_command_doctor,
    },
    {
        .name = "reference",
        .usage = "",
        .summary = "print the reference of the language's words, in Markdown",
        .run = pb_command_reference,
    },
    {
        .name = "manual",
        .usage = "",
        .summary = "print the manual page of this program, for man",
        .run = pb_command_manual,
    },
    {
        .name = "completion",
        .usage = "bash | zsh | fish",
        .summary = "print what makes a shell complete this program's commands and options",
        .options = {{"", "bash", "for ~/.local/share/bash-completion/completions/patchbay"},
                    {"", "zsh", "for a file _patchbay in a folder of fpath"},
                    {"", "fish", "for ~/.config/fish/completions/patchbay.fish"}},
        .run = pb_command_completion,
    },
};

const pb_command *pb_commands(size_t *count)
{
    *count = sizeof commands / sizeof *commands;
    return commands;
}

const pb_setting_row pb_setting_rows[] = {
    {"PATCHBAY_MODELS", "names folders that hold models, separated by colons."},
    {"PATCHBAY_HISTORY", "names the file that keeps what was typed."},
    {"PATCHBAY_MEMORY", "is what all values of a session may hold: 800M, 8G, or a number of "
                        "bytes;\nthree quarters of the machine's memory where it is not set."},
    {"PATCHBAY_LOG", "is how much is said on stderr: debug, info, warning or error."},
    {NULL, NULL},
};
