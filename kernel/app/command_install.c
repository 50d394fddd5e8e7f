/* patchbay install and uninstall: the program, its data, and the kernelspec that Jupyter reads. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "command.h"
#include "extras.h"
#include "files.h"
#include "io/file.h"
#include "locations.h"
#include "manual.h"

#define LARGEST_SPEC (1u << 20)

#define MARK "@PATCHBAY@" /* in kernel.json.in, where the program's path belongs */

/* Where things go. */
typedef struct {
    char *prefix;     /* where the rest lies */
    char *program;    /* PREFIX/bin/patchbay */
    char *started;    /* the same where it will be started, without --destdir */
    char *data;       /* PREFIX/share/patchbay */
    char *kernelspec; /* .../kernels/patchbay */
} places;

typedef struct {
    bool user, sys_prefix, link;
    const char *prefix;
    const char *destdir; /* below which the whole is put together; "" for nothing */
} choices;

/* ---- where ---- */

static bool read_choices(int count, char **arguments, bool installs, choices *made)
{
    *made = (choices){.destdir = ""};
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--user") == 0)
            made->user = true;
        else if (strcmp(arguments[i], "--sys-prefix") == 0)
            made->sys_prefix = true;
        else if (strcmp(arguments[i], "--link") == 0 && installs)
            made->link = true;
        else if (strcmp(arguments[i], "--destdir") == 0 && i + 1 < count && installs)
            made->destdir = arguments[++i];
        else if (strcmp(arguments[i], "--prefix") == 0 && i + 1 < count)
            made->prefix = arguments[++i];
        else if (strncmp(arguments[i], "--prefix=", 9) == 0)
            made->prefix = arguments[i] + 9;
        else
            return false;
    }
    return made->user + made->sys_prefix + (made->prefix != NULL) <= 1;
}

/* The kernels folder of the person's own Jupyter. */
static char *user_kernelspec(const char *home)
{
    const char *jupyter = pb_setting("JUPYTER_DATA_DIR"), *data = pb_setting("XDG_DATA_HOME");
    if (jupyter)
        return pb_path("%s/kernels/patchbay", jupyter);
    if (data)
        return pb_path("%s/jupyter/kernels/patchbay", data);
    return pb_path("%s/.local/share/jupyter/kernels/patchbay", home);
}

static void free_places(places *at)
{
    free(at->prefix);
    free(at->program);
    free(at->started);
    free(at->data);
    free(at->kernelspec);
}

/* A path that does not depend on where the program was called; its folder need not exist. */
static char *absolute(const char *path)
{
    char *here = path[0] == '/' ? NULL : realpath(".", NULL);
    char *whole = here ? pb_path("%s/%s", here, path) : pb_path("%s", path);
    free(here);
    return whole;
}

/* The folder to install below, as it was chosen; borrowed. NULL: the person's own. */
static pb_status chosen_prefix(const choices *made, const char **prefix, pb_error **error)
{
    *prefix = made->prefix;
    if (!made->sys_prefix)
        return PB_OK;
    *prefix = pb_setting("VIRTUAL_ENV");
    if (!*prefix)
        *prefix = pb_setting("CONDA_PREFIX");
    return *prefix ? PB_OK
                   : pb_fail(error, PB_VALUE,
                             "--sys-prefix needs an active Python environment, and neither "
                             "VIRTUAL_ENV nor CONDA_PREFIX names one");
}

/* A place below the folder in which a package is put together. */
static char *staged(const char *destdir, char *place)
{
    char *below = place ? pb_path("%s%s", destdir, place) : NULL;
    free(place);
    return below;
}

static pb_status find_places(const choices *made, places *at, pb_error **error)
{
    const char *prefix;
    *at = (places){.prefix = NULL};
    pb_status status = chosen_prefix(made, &prefix, error);
    if (status)
        return status;
    const char *home = pb_setting("HOME");
    if (!prefix && !home)
        return pb_fail(error, PB_VALUE, "HOME names no folder to install to; use --prefix DIR");
    char *destdir = made->destdir[0] ? absolute(made->destdir) : strdup("");
    char *root = prefix ? absolute(prefix) : pb_path("%s/.local", home);
    if (root && destdir) {
        at->started = pb_path("%s/bin/patchbay", root);
        at->program = pb_path("%s%s/bin/patchbay", destdir, root);
        at->data = pb_path("%s%s/share/patchbay", destdir, root);
        at->kernelspec = staged(destdir, prefix ? pb_path("%s/share/jupyter/kernels/patchbay", root)
                                                : user_kernelspec(home));
        at->prefix = pb_path("%s%s", destdir, root);
    }
    free(root);
    free(destdir);
    if (at->started && at->program && at->data && at->kernelspec && at->prefix)
        return PB_OK;
    free_places(at);
    return pb_fail_memory(error);
}

/* ---- the kernelspec ---- */

/* A path as the inside of a JSON string. */
static void write_escaped(pb_buffer *out, const char *path)
{
    for (const char *c = path; *c; c++) {
        if (*c == '"' || *c == '\\')
            pb_buffer_byte(out, '\\');
        if ((unsigned char)*c < 0x20)
            pb_buffer_format(out, "\\u%04x", (unsigned)*c);
        else
            pb_buffer_byte(out, *c);
    }
}

static pb_status write_kernel_json(const char *spec, const char *program, const char *to,
                                   pb_error **error)
{
    char *text = NULL, *source = pb_path("%s/kernel.json.in", spec);
    char *target = pb_path("%s/kernel.json", to);
    size_t length;
    pb_status status =
        source && target ? pb_app_file_read(source, &text, &length, error) : pb_fail_memory(error);
    pb_buffer json = PB_BUFFER_EMPTY;
    const char *mark = !status ? strstr(text, MARK) : NULL;
    if (!status && !mark)
        status = pb_fail(error, PB_FORMAT, "'%s' has no place for the program's path", source);
    if (!status) {
        pb_buffer_append(&json, text, (size_t)(mark - text));
        write_escaped(&json, program);
        pb_buffer_text(&json, mark + strlen(MARK));
        status = pb_buffer_status(&json, error);
    }
    if (!status)
        status = pb_app_file_write(target, json.data, json.length, 0666, error);
    pb_buffer_free(&json);
    free(text);
    free(source);
    free(target);
    return status;
}

static const char *const logos[] = {"logo-svg.svg", "logo-32x32.png", "logo-64x64.png"};
static const size_t n_logos = sizeof logos / sizeof *logos;

static pb_status write_kernelspec(const char *data, const char *program, const char *to,
                                  pb_error **error)
{
    char *spec = pb_path("%s/kernelspec/patchbay", data);
    pb_status status = spec ? write_kernel_json(spec, program, to, error) : pb_fail_memory(error);
    for (size_t i = 0; i < n_logos && !status; i++) {
        char *from = pb_path("%s/%s", spec, logos[i]), *target = pb_path("%s/%s", to, logos[i]);
        status = from && target ? pb_file_copy(from, target, error) : pb_fail_memory(error);
        free(from);
        free(target);
    }
    free(spec);
    return status;
}

/* ---- install ---- */

static const char *const data_folders[] = {"kernelspec/patchbay", "kernelspec/labextension/built",
                                           "kernelspec/python", "models/reviews-4m"};
static const size_t n_data_folders = sizeof data_folders / sizeof *data_folders;

static pb_status copy_data(const char *from, const char *to, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < n_data_folders && !status; i++) {
        char *source = pb_path("%s/%s", from, data_folders[i]);
        char *target = pb_path("%s/%s", to, data_folders[i]);
        status = source && target ? pb_file_copy(source, target, error) : pb_fail_memory(error);
        free(source);
        free(target);
    }
    return status;
}

/* The manual page and the completion of shells, which the program writes itself. */
static pb_status write_manuals(const char *prefix, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < pb_manual_row_count && !status; i++) {
        char *path = pb_path("%s/%s", prefix, pb_manual_rows[i].place);
        pb_buffer text = PB_BUFFER_EMPTY;
        pb_manual_rows[i].write(&text);
        status = path ? pb_buffer_status(&text, error) : pb_fail_memory(error);
        if (!status)
            status = pb_app_file_write(path, text.data, text.length, 0666, error);
        pb_buffer_free(&text);
        free(path);
    }
    return status;
}

static pb_status need_data(char **data, pb_error **error)
{
    pb_status status = pb_location_data(data, error);
    if (!status && !*data)
        status = pb_fail(error, PB_IO,
                         "the model and the kernelspec that belong to this program are not beside "
                         "it; install from where it was built");
    return status;
}

/* A path that a kernelspec can name: Jupyter puts other things in the place of {words}, and reads
 * the file as UTF-8. */
static pb_status check_path(const char *path, pb_error **error)
{
    if (pb_utf8_valid_prefix(path, strlen(path)) != strlen(path))
        return pb_fail(error, PB_VALUE,
                       "the program would lie at '%s', which is no UTF-8, so that Jupyter could "
                       "not start it",
                       path);
    for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
        size_t word = strspn(open + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789_");
        if (word > 0 && open[1 + word] == '}')
            return pb_fail(error, PB_VALUE,
                           "the program would lie at '%s', and Jupyter may put something else in "
                           "the place of '%.*s', so that it could not start it",
                           path, (int)word + 2, open);
    }
    return PB_OK;
}

/* One that pip installed cannot be copied: its libraries lie beside it. */
static pb_status check_source(const char *data, pb_error **error)
{
    char *mark = pb_path("%s/came-by-pip", data);
    if (!mark)
        return pb_fail_memory(error);
    bool stays = access(mark, F_OK) == 0;
    free(mark);
    if (!stays)
        return PB_OK;
    pb_status status =
        pb_fail(error, PB_VALUE, "this program came by pip, and its libraries lie beside it");
    if (error && *error)
        pb_error_hint(*error, "pip install patchbay-kernel where it is wanted, or use --link");
    return status;
}

static pb_status install(const choices *made, const places *to, pb_error **error)
{
    char *program = NULL, *data = NULL;
    pb_status status = pb_location_program(&program, error);
    if (!status)
        status = check_path(made->link ? program : to->started, error);
    if (!status)
        status = need_data(&data, error);
    if (!status && !made->link)
        status = check_source(data, error);
    if (!status && !made->link)
        status = pb_file_copy(program, to->program, error);
    if (!status && !made->link)
        status = copy_data(data, to->data, error);
    if (!status && !made->link)
        status = write_manuals(to->prefix, error);
    if (!status)
        status = pb_extras_install(data, to->kernelspec, to->prefix, error);
    if (!status)
        status = write_kernelspec(data, made->link ? program : to->started, to->kernelspec, error);
    free(program);
    free(data);
    return status;
}

/* Where the kernel is, and how a terminal calls the program if its folder is on no PATH. */
static void say_where(const choices *made, const places *at)
{
    printf("Jupyter finds the kernel 'patchbay' in %s\n", at->kernelspec);
    char *found = pb_location_on_path("patchbay"), *program = realpath(at->program, NULL);
    if (!made->link && !made->destdir[0] && program && (!found || strcmp(found, program) != 0))
        printf(
            "For a terminal the program is %s: put its folder on your PATH to call it patchbay\n",
            at->program);
    free(found);
    free(program);
}

int pb_command_install(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)log;
    choices made;
    places at;
    pb_error *error = NULL;
    if (!read_choices(count, arguments, true, &made))
        return pb_usage(command, count, arguments);
    if (find_places(&made, &at, &error))
        return pb_report(&error);
    pb_status status = install(&made, &at, &error);
    if (!status)
        say_where(&made, &at);
    free_places(&at);
    return !status ? PB_EXIT_OK : pb_report(&error);
}

/* ---- uninstall ---- */

static pb_status remove_below(const char *folder, const char *name, pb_error **error)
{
    char *path = pb_path("%s/%s", folder, name);
    pb_status status = path ? pb_file_remove(path, error) : pb_fail_memory(error);
    free(path);
    return status;
}

static void tidy_below(const char *folder, const char *name)
{
    char *path = pb_path("%s/%s", folder, name);
    if (path)
        pb_folder_remove_if_empty(path);
    free(path);
}

/* Whose the kernelspec is: of the program at its place; of this program, to which `install --link`
 * pointed; or of nobody, as there is none. */
typedef enum { OF_PROGRAM, OF_LINK, OF_NOBODY } owner;

/* argv of a kernelspec; NULL where there is none to be read. The caller's. */
static json_t *read_argv(const char *text)
{
    json_t *spec = json_loads(text, 0, NULL);
    json_t *argv = json_incref(json_object_get(spec, "argv"));
    json_decref(spec);
    return argv;
}

static bool is_this_program(const char *path)
{
    char *here = NULL, *there = realpath(path, NULL);
    bool same = there && !pb_location_program(&here, NULL) && strcmp(here, there) == 0;
    free(here);
    free(there);
    return same;
}

static pb_status find_owner(const places *at, owner *found, pb_error **error)
{
    char *text = NULL, *path = pb_path("%s/kernel.json", at->kernelspec);
    size_t length;
    *found = OF_NOBODY;
    if (!path)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    if (access(path, F_OK) == 0 || errno != ENOENT)
        status = pb_file_read(path, LARGEST_SPEC, NULL, &text, &length, error);
    if (!status && text) {
        json_t *argv = read_argv(text);
        const char *starts = json_string_value(json_array_get(argv, 0));
        *found = starts && strcmp(starts, at->program) == 0 ? OF_PROGRAM : OF_LINK;
        if (*found == OF_LINK && (!starts || !is_this_program(starts))) {
            status = pb_fail(error, PB_VALUE,
                             "the kernelspec '%s' starts %s%s%s, not this program: nothing was "
                             "removed",
                             path, starts ? "'" : "", starts ? starts : "nothing known",
                             starts ? "'" : "");
            if (error)
                pb_error_hint(*error,
                              "that program's own uninstall removes it, or you, if it is gone");
        }
        json_decref(argv);
    }
    free(text);
    free(path);
    return status;
}

static pb_status remove_program(const places *at, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < n_data_folders && !status; i++)
        status = remove_below(at->data, data_folders[i], error);
    for (size_t i = 0; i < pb_manual_row_count && !status; i++)
        status = remove_below(at->prefix, pb_manual_rows[i].place, error);
    if (!status)
        status = pb_file_remove(at->program, error);
    tidy_below(at->data, "kernelspec/labextension");
    tidy_below(at->data, "kernelspec");
    tidy_below(at->data, "models");
    pb_folder_remove_if_empty(at->data);
    return status;
}

/* Removes what install copies, and the folders that are empty then; models of your own stay. The
 * kernelspec goes last, since it says whether the rest is to go. */
static pb_status uninstall(const places *at, pb_error **error)
{
    owner whose;
    pb_status status = find_owner(at, &whose, error);
    if (status || whose == OF_NOBODY)
        return status;
    if (whose == OF_PROGRAM)
        status = remove_program(at, error);
    if (!status)
        status = pb_extras_remove(at->kernelspec, at->prefix, error);
    for (size_t i = 0; i < n_logos && !status; i++)
        status = remove_below(at->kernelspec, logos[i], error);
    if (!status)
        status = remove_below(at->kernelspec, "kernel.json", error);
    pb_folder_remove_if_empty(at->kernelspec);
    return status;
}

int pb_command_uninstall(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)log;
    choices made;
    places at;
    pb_error *error = NULL;
    if (!read_choices(count, arguments, false, &made))
        return pb_usage(command, count, arguments);
    if (find_places(&made, &at, &error))
        return pb_report(&error);
    pb_status status = uninstall(&at, &error);
    if (!status)
        printf("The kernel 'patchbay' is gone from %s\n", at.kernelspec);
    free_places(&at);
    return !status ? PB_EXIT_OK : pb_report(&error);
}
