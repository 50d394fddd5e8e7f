/* patchbay doctor: what is here, and whether it works. */
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "command.h"
#include "history/history.h"
#include "io/file.h"
#include "io/locate.h"
#include "locations.h"
#include "trial.h"
#include "versions.h"

#define LARGEST_SPEC (1u << 20)

/* Front ends and what runs notebooks, by the names of their programs. */
static const char *const front_ends[] = {
    "jupyter-lab", "jupyter-notebook", "jupyter-console", "jupyter-nbconvert",
    "jupyter-run", "papermill",        "jupytext",        "code"};

/* A line that proposes a command, as a terminal calls it. */
static void propose(const char *command, const char *brings)
{
    char *call = NULL;
    (void)pb_location_call(&call, NULL);
    printf("  %-18s %s %s\n", "none", call ? call : "patchbay", command);
    printf("  %-18s %s\n", "", brings);
    free(call);
}

static void heading(const char *title)
{
    printf("\n%s\n", title);
}

static void row(const char *what, const char *is)
{
    printf("  %-18s %s\n", what, is);
}

/* ---- the program ---- */

/* Whether what belongs to the program is there. */
static bool examine_program(void)
{
    char *program = NULL, *data = NULL, *call = NULL;
    pb_status status = pb_location_program(&program, NULL);
    if (!status)
        status = pb_location_data(&data, NULL);
    if (!status)
        status = pb_location_call(&call, NULL);
    row("program", program ? program : "cannot be found");
    row("called", call ? call : "-");
    row("its data", data ? data : "missing: install it again from where it was built");
    bool whole = !status && data;
    free(program);
    free(data);
    free(call);
    return whole;
}

static void examine_versions(void)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_versions_write(&text);
    for (const char *line = text.data; line && *line; line += strcspn(line, "\n") + 1)
        printf("  %.*s\n", (int)strcspn(line, "\n"), line);
    pb_buffer_free(&text);
}

/* ---- the machine ---- */

static void examine_machine(void)
{
    char text[64];
    snprintf(text, sizeof text, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    row("processors", text);
    const char *threads = pb_setting("OMP_NUM_THREADS");
    row("threads", threads ? threads : "as many (OMP_NUM_THREADS is not set)");
    double pages = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    snprintf(text, sizeof text, "%.1f GB", pages / 1e9);
    row("memory", text);
    const char *said = pb_setting("PATCHBAY_MEMORY");
    snprintf(text, sizeof text, "%.1f GB", (double)pb_budget_usual() / 1e9);
    row("for values", said ? said : text);
    char *history = pb_history_default_path();
    row("history", history ? history : "nowhere: HOME is not set");
    free(history);
}

/* ---- models ---- */

static void examine_models(void)
{
    char *data = NULL, *own = NULL;
    pb_located *models = NULL;
    size_t count = 0;
    pb_locate_paths paths = {0};
    if (!pb_location_data(&data, NULL) && data)
        own = pb_path("%s/models", data);
    const char *const folders[] = {own};
    if (!pb_locate_paths_from_environment(folders, own ? 1 : 0, &paths, NULL))
        (void)pb_locate_all(&paths, &models, &count, NULL);
    for (size_t i = 0; i < count; i++)
        row(models[i].name, models[i].folder);
    if (count == 0)
        propose("fetch gpt2", "brings one");
    pb_located_free(models, count);
    pb_locate_paths_free(&paths);
    free(data);
    free(own);
}

/* ---- kernels ---- */

/* The program of an argv, in which Jupyter fills in where the kernelspec lies. */
static char *filled_in(const char *program, const char *jupyter)
{
    static const char blank[] = "{resource_dir}";
    if (program && strncmp(program, blank, strlen(blank)) == 0)
        return pb_path("%s/kernels/patchbay%s", jupyter, program + strlen(blank));
    return program ? strdup(program) : NULL;
}

/* Tries the kernel of a kernelspec, if there is one below that folder. False if it does not start.
 */
static bool examine_kernel(const char *jupyter, size_t *found)
{
    char *path = pb_path("%s/kernels/patchbay/kernel.json", jupyter), *text = NULL;
    size_t length;
    if (!path || access(path, F_OK) != 0 ||
        pb_file_read(path, LARGEST_SPEC, NULL, &text, &length, NULL)) {
        free(path);
        return true;
    }
    json_t *spec = json_loads(text, 0, NULL);
    char *program =
        filled_in(json_string_value(json_array_get(json_object_get(spec, "argv"), 0)), jupyter);
    pb_error *error = NULL;
    pb_status status = program ? pb_trial_start(program, &error)
                               : pb_fail(&error, PB_FORMAT, "its kernel.json names no program");
    row(status ? "does not start" : "starts", path);
    if (status)
        row("", pb_error_text(error));
    (*found)++;
    pb_error_destroy(&error);
    json_decref(spec);
    free(program);
    free(text);
    free(path);
    return !status;
}

/* The folders below which Jupyter looks for kernels: jupyter_core's paths. */
static bool examine_kernels(void)
{
    static const char *const variables[] = {"VIRTUAL_ENV", "CONDA_PREFIX"};
    size_t found = 0;
    bool good = true;
    for (const char *at = pb_setting("JUPYTER_PATH"); at && *at; at += strspn(at, ":")) {
        size_t length = strcspn(at, ":");
        char *folder = pb_path("%.*s", (int)length, at);
        good = (!folder || examine_kernel(folder, &found)) && good;
        free(folder);
        at += length;
    }
    const char *own = pb_setting("JUPYTER_DATA_DIR"), *home = pb_setting("HOME");
    char *folder = own    ? pb_path("%s", own)
                   : home ? pb_path("%s/.local/share/jupyter", home)
                          : NULL;
    good = (!folder || examine_kernel(folder, &found)) && good;
    free(folder);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *prefix = pb_setting(variables[i]);
        folder = prefix ? pb_path("%s/share/jupyter", prefix) : NULL;
        good = (!folder || examine_kernel(folder, &found)) && good;
        free(folder);
    }
    good = examine_kernel("/usr/local/share/jupyter", &found) && good;
    good = examine_kernel("/usr/share/jupyter", &found) && good;
    if (found == 0)
        propose("install", "makes Jupyter know this program");
    return good;
}

static void examine_front_ends(void)
{
    size_t found = 0;
    for (size_t i = 0; i < sizeof front_ends / sizeof *front_ends; i++) {
        char *path = pb_location_on_path(front_ends[i]);
        if (path)
            row(front_ends[i], path);
        found += path != NULL;
        free(path);
    }
    if (found == 0)
        row("none", "on the PATH; pip install jupyterlab brings the usual one");
}

int pb_command_doctor(const pb_command *command, const pb_log *log, int count, char **arguments)
{
    (void)log;
    if (count != 0)
        return pb_usage(command, count, arguments);
    puts("patchbay " PB_VERSION);
    bool good = examine_program();
    heading("Built with");
    examine_versions();
    heading("This machine");
    examine_machine();
    heading("Models that load() finds");
    examine_models();
    heading("Kernels that Jupyter finds");
    good = examine_kernels() && good;
    heading("Front ends on the PATH");
    examine_front_ends();
    puts(good ? "\nNothing is wrong." : "\nSomething is wrong: see above.");
    return good ? PB_EXIT_OK : PB_EXIT_FAILED;
}
