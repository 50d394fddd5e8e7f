/*
 * gallery FILE [FOLDER]: a page with every view on sample data, on a light and a dark page, wide
 * and narrow, for looking at. Not a test: people's eyes are. With FOLDER, the plain text forms are
 * written there as NAME.txt: how the golden files were made, after reading them.
 */
#include <stdio.h>
#include <string.h>

#include "samples.h"

static const char head[] =
    "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><style>"
    "body{margin:0;font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
    ".light{background:#fff;color:rgba(0,0,0,.87)}.dark{background:#111;color:rgba(255,255,255,.87)"
    "}"
    "section{padding:16px 24px}.narrow{width:420px}</style></head><body>";

/* The samples made for their size have no golden text. */
static int write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    if (strncmp(name, "many", 4) == 0 || strncmp(name, "long", 4) == 0)
        return 0;
    snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    FILE *file = fopen(path, "w");
    if (!file)
        return 1;
    fputs(text, file);
    return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const char *const sections[] = {"light", "dark", "light narrow", "dark narrow"};
    pb_bundle *bundles[N_SAMPLES] = {NULL};
    FILE *page = argc == 2 || argc == 3 ? fopen(argv[1], "w") : NULL;
    if (!page) {
        fprintf(stderr, "usage: gallery FILE.html [FOLDER]\n");
        return 2;
    }
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pb_error *error = NULL;
        if (samples[i].make(&bundles[i], &error)) {
            fprintf(stderr, "%s\n", pb_error_text(error));
            return 1;
        }
        const char *plain = pb_bundle_find(bundles[i], "text/plain");
        if (argc == 3 && write_text(argv[2], samples[i].name, plain) != 0)
            return 1;
    }
    fputs(head, page);
    for (size_t section = 0; section < 4; section++) {
        fprintf(page, "<section class=\"%s\">", sections[section]);
        for (size_t i = 0; i < N_SAMPLES; i++)
            fputs(pb_bundle_find(bundles[i], "text/html"), page);
        fputs("</section>", page);
    }
    fputs("</body></html>\n", page);
    for (size_t i = 0; i < N_SAMPLES; i++)
        pb_bundle_destroy(&bundles[i]);
    return fclose(page) == 0 ? 0 : 1;
}
