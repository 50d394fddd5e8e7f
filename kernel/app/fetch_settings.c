/*
 * https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
#include "fetch_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "io/file.h"
#include "locations.h"

enum { TOKEN_LIMIT = 4096 };

bool pb_read_number(const char *text, long most, long *number)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1 || value > most)
        return false;
    *number = value;
    return true;
}

/* As Hugging Face's library reads a switch. */
static bool is_on(const char *name)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    const char *setting = pb_setting(name);
    for (size_t i = 0; setting && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(setting, words[i]) == 0)
            return true;
    return false;
}

/* ---- the token ---- */

/* A copy without the white space around it, which a file and a shell's $(cat) leave; NULL when
 * memory is out. */
static char *trimmed(const char *text)
{
    static const char space[] = " \t\r\n";
    text += strspn(text, space);
    size_t length = strlen(text);
    while (length > 0 && strchr(space, text[length - 1]))
        length--;
    return strndup(text, length);
}

/* What `hf auth login` leaves. A file that cannot be read is no token. */
static pb_status read_stored_token(pb_fetch_settings *settings, pb_error **error)
{
    const char *said = pb_setting("HF_TOKEN_PATH"), *folder = settings->paths.huggingface;
    if (!said && !folder)
        return PB_OK;
    settings->token_path =
        said ? pb_locate_expand(said, &settings->paths) : pb_file_join(folder, "token");
    if (!settings->token_path)
        return pb_fail_memory(error);
    char *text = NULL;
    size_t length = 0;
    if (pb_file_read(settings->token_path, TOKEN_LIMIT, NULL, &text, &length, NULL))
        return PB_OK;
    settings->token = trimmed(text);
    free(text);
    return settings->token ? PB_OK : pb_fail_memory(error);
}

static pb_status find_token(pb_fetch_settings *settings, pb_fetch_options *options,
                            pb_error **error)
{
    static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    const char *from = NULL;
    for (size_t i = 0; i < 2 && !settings->token; i++) {
        const char *value = pb_setting(from = names[i]);
        if (value && !(settings->token = trimmed(value)))
            return pb_fail_memory(error);
    }
    if (!settings->token) {
        pb_status status = read_stored_token(settings, error);
        if (status)
            return status;
        from = settings->token_path;
    }
    if (settings->token && settings->token[0]) {
        options->token = settings->token;
        options->token_from = from;
    }
    return PB_OK;
}

/* ---- the whole ---- */

static pb_status check_offline(pb_error **error)
{
    static const char *const names[] = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"};
    for (size_t i = 0; i < 2; i++)
        if (is_on(names[i]))
            return pb_fail(error, PB_VALUE, "%s is set, so that nothing is downloaded", names[i]);
    return PB_OK;
}

/* The certificates to trust: those that are named, or where systems keep theirs. The curl of a
 * wheel was built on one of them, and would look where that one does. */
static const char *trusted_certificates(void)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
        "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    };
    const char *said = pb_setting("SSL_CERT_FILE");
    for (size_t i = 0; i < sizeof places / sizeof *places && !said; i++)
        if (access(places[i], R_OK) == 0)
            said = places[i];
    return said;
}

pb_status pb_fetch_settings_read(pb_fetch_settings *settings, pb_fetch_options *options,
                                 pb_error **error)
{
    const char *seconds = pb_setting("HF_HUB_DOWNLOAD_TIMEOUT");
    const char *endpoint = pb_setting("HF_ENDPOINT");
    *settings = (pb_fetch_settings){.token = NULL};
    pb_status status = pb_locate_paths_from_environment(NULL, 0, &settings->paths, error);
    if (!status)
        status = check_offline(error);
    if (status)
        return status;
    if (endpoint)
        options->endpoint = endpoint;
    if (seconds && !pb_read_number(seconds, 86400, &options->stall_seconds))
        return pb_fail(error, PB_VALUE,
                       "HF_HUB_DOWNLOAD_TIMEOUT is '%s', and a number of seconds was expected",
                       seconds);
    options->certificates = trusted_certificates();
    options->hub = settings->paths.hub;
    if (!options->hub)
        return pb_fail(error, PB_VALUE,
                       "there is no folder to fetch to: HOME is not set, and neither is "
                       "HF_HUB_CACHE");
    return is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? PB_OK : find_token(settings, options, error);
}

void pb_fetch_settings_free(pb_fetch_settings *settings)
{
    pb_locate_paths_free(&settings->paths);
    free(settings->token);
    free(settings->token_path);
    *settings = (pb_fetch_settings){.token = NULL};
}
