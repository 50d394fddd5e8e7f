/* patchbay manual and patchbay completion: what man and shells know of the commands, from their
 * rows. */
#include "manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* ---- the manual page ---- */

/* Text as roff reads it: a dash that can be copied, and no line that begins like a request. */
static void write_roff(pb_buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        bool first = c == text || c[-1] == '\n';
        if (first && (*c == '.' || *c == '\''))
            pb_buffer_text(out, "\\&");
        if (*c == '-' || *c == '\\')
            pb_buffer_text(out, *c == '-' ? "\\-" : "\\e");
        else
            pb_buffer_byte(out, *c);
    }
}

static void write_roff_option(pb_buffer *out, const pb_command_option *option)
{
    pb_buffer_text(out, ".RS\n.TP\n");
    if (option->name[0]) {
        pb_buffer_text(out, ".B ");
        write_roff(out, option->name);
        if (option->argument[0])
            pb_buffer_format(out, " \\fI%s\\fR", option->argument);
    } else {
        pb_buffer_format(out, ".I %s", option->argument);
    }
    pb_buffer_byte(out, '\n');
    write_roff(out, option->text);
    pb_buffer_text(out, "\n.RE\n");
}

static void write_roff_command(pb_buffer *out, const pb_command *command)
{
    pb_buffer_format(out, ".TP\n.B patchbay %s\n", command->name);
    if (command->usage[0]) {
        pb_buffer_text(out, ".I ");
        write_roff(out, command->usage);
        pb_buffer_byte(out, '\n');
    }
    pb_buffer_text(out, ".br\n");
    write_roff(out, command->summary);
    pb_buffer_byte(out, '\n');
    for (const pb_command_option *option = command->options; option->text; option++)
        write_roff_option(out, option);
}

static void write_manual(pb_buffer *out)
{
    size_t count;
    const pb_command *commands = pb_commands(&count);
    pb_buffer_text(out, ".TH PATCHBAY 1 \"\" \"patchbay " PB_VERSION "\" \"User Commands\"\n"
                        ".SH NAME\npatchbay \\- ask a GPT\\-2 why it predicted what it predicted\n"
                        ".SH SYNOPSIS\n.B patchbay\n.I COMMAND\n[\\fIARGUMENT\\fR...]\n"
                        ".SH DESCRIPTION\nA Jupyter kernel for mechanistic interpretability, and "
                        "its language on a command line.\n.SH COMMANDS\n");
    for (size_t i = 0; i < count; i++)
        write_roff_command(out, &commands[i]);
    pb_buffer_text(out, ".SH ENVIRONMENT\n");
    for (const pb_setting_row *row = pb_setting_rows; row->name; row++) {
        pb_buffer_format(out, ".TP\n.B %s\n", row->name);
        write_roff(out, row->text);
        pb_buffer_byte(out, '\n');
    }
    pb_buffer_text(out, ".SH EXIT STATUS\n0 where all went well, 1 where something failed, 2 for a "
                        "wrong call, 130 after Ctrl\\-C.\n");
}

/* ---- completion ---- */

/* A text between single quotes, as bash and zsh read it; fish wants its backslashes doubled. */
static void write_quoted(pb_buffer *out, const char *text)
{
    pb_buffer_byte(out, '\'');
    for (const char *c = text; *c && *c != '\n'; c++) {
        if (*c == '\'')
            pb_buffer_text(out, "'\\''");
        else
            pb_buffer_byte(out, *c);
    }
    pb_buffer_byte(out, '\'');
}

/* What may stand after a command: its options, and arguments that are no names of things. */
static bool is_word(const pb_command_option *option)
{
    return option->name[0] != '\0' || (option->argument[0] >= 'a' && option->argument[0] <= 'z');
}

static const char *word_of(const pb_command_option *option)
{
    return option->name[0] ? option->name : option->argument;
}

static void write_bash(pb_buffer *out)
{
    size_t count;
    const pb_command *commands = pb_commands(&count);
    pb_buffer_text(out, "_patchbay() {\n    local words=\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < count; i++) {
        pb_buffer_format(out, "    %s) words='--help", commands[i].name);
        for (const pb_command_option *option = commands[i].options; option->text; option++)
            if (is_word(option))
                pb_buffer_format(out, " %s", word_of(option));
        pb_buffer_text(out, "' ;;\n");
    }
    pb_buffer_text(out, "    esac\n    [[ $COMP_CWORD -gt 1 ]] || words='--help --version");
    for (size_t i = 0; i < count; i++)
        pb_buffer_format(out, " %s", commands[i].name);
    pb_buffer_text(out,
                   "'\n    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
                   "}\ncomplete -o default -F _patchbay patchbay\n");
}

static void write_zsh(pb_buffer *out)
{
    size_t count;
    const pb_command *commands = pb_commands(&count);
    pb_buffer_text(
        out, "#compdef patchbay\nlocal -a choices\nif (( CURRENT == 2 )); then\n    choices=(\n");
    for (size_t i = 0; i < count; i++) {
        pb_buffer_format(out, "        %s:", commands[i].name);
        write_quoted(out, commands[i].summary);
        pb_buffer_byte(out, '\n');
    }
    pb_buffer_text(out, "    )\nelse\n    case $words[2] in\n");
    for (size_t i = 0; i < count; i++) {
        pb_buffer_format(out, "    %s) choices=(\n", commands[i].name);
        for (const pb_command_option *option = commands[i].options; option->text; option++)
            if (is_word(option)) {
                pb_buffer_format(out, "        %s:", word_of(option));
                write_quoted(out, option->text);
                pb_buffer_byte(out, '\n');
            }
        pb_buffer_text(out, "    ) ;;\n");
    }
    pb_buffer_text(out, "    esac\nfi\n_describe patchbay choices || _files\n");
}

static void write_fish(pb_buffer *out)
{
    size_t count;
    const pb_command *commands = pb_commands(&count);
    for (size_t i = 0; i < count; i++) {
        pb_buffer_format(out, "complete -c patchbay -n __fish_use_subcommand -f -a %s -d ",
                         commands[i].name);
        write_quoted(out, commands[i].summary);
        pb_buffer_byte(out, '\n');
        for (const pb_command_option *option = commands[i].options; option->text; option++) {
            if (!is_word(option))
                continue;
            pb_buffer_format(out,
                             "complete -c patchbay -n '__fish_seen_subcommand_from %s' -a %s -d ",
                             commands[i].name, word_of(option));
            write_quoted(out, option->text);
            pb_buffer_byte(out, '\n');
        }
    }
}

/* ---- where each goes ---- */

const pb_manual_row pb_manual_rows[] = {
    {"", "share/man/man1/patchbay.1", write_manual},
    {"bash", "share/bash-completion/completions/patchbay", write_bash},
    {"zsh", "share/zsh/site-functions/_patchbay", write_zsh},
    {"fish", "share/fish/vendor_completions.d/patchbay.fish", write_fish},
};

const size_t pb_manual_row_count = sizeof pb_manual_rows / sizeof *pb_manual_rows;

static int print_row(const pb_manual_row *row)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_error *error = NULL;
    row->write(&text);
    int code = PB_EXIT_OK;
    if (pb_buffer_status(&text, &error))
        code = pb_report(&error);
    else
        fputs(text.data, stdout);
    pb_buffer_free(&text);
    return code;
}

int pb_command_manual(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)log;
    return count == 0 ? print_row(&pb_manual_rows[0]) : pb_usage(command, count, arguments);
}

int pb_command_completion(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)log;
    for (size_t i = 1; i < pb_manual_row_count && count == 1; i++)
        if (strcmp(arguments[0], pb_manual_rows[i].shell) == 0)
            return print_row(&pb_manual_rows[i]);
    return pb_usage(command, count, arguments);
}
