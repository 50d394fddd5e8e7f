/* Reads the connection file. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

#define FILE_LIMIT 65536 /* bytes a connection file may have */

const char *pb_connection_port_name(pb_channel channel)
{
    static const char *const names[PB_CHANNELS] = {
        [PB_CHANNEL_SHELL] = "shell_port",  [PB_CHANNEL_CONTROL] = "control_port",
        [PB_CHANNEL_IOPUB] = "iopub_port",  [PB_CHANNEL_STDIN] = "stdin_port",
        [PB_CHANNEL_HEARTBEAT] = "hb_port",
    };
    return names[channel];
}

/* Copies a field into a fixed place; a missing one leaves it as it is. */
static pb_status copy_text(const json_t *file, const char *name, char *place, size_t size,
                           size_t *length, pb_error **error)
{
    const json_t *value = json_object_get(file, name);
    if (!value || json_is_null(value))
        return PB_OK;
    size_t count = json_string_length(value);
    if (!json_is_string(value) || count >= size)
        return pb_fail(error, PB_FORMAT,
                       "the connection file's %s is not a string of less than %zu bytes", name,
                       size);
    memcpy(place, json_string_value(value), count + 1);
    if (length)
        *length = count;
    else if (strlen(place) != count)
        return pb_fail(error, PB_FORMAT, "the connection file's %s holds a NUL", name);
    return PB_OK;
}

static pb_status read_ports(const json_t *file, pb_connection *connection, pb_error **error)
{
    for (pb_channel channel = 0; channel < PB_CHANNELS; channel++) {
        const char *name = pb_connection_port_name(channel);
        const json_t *value = json_object_get(file, name);
        json_int_t port = json_integer_value(value);
        if (!json_is_integer(value) || port < 1 || port > 65535)
            return pb_fail(error, PB_FORMAT,
                           "the connection file's %s is not a number from 1 to 65535", name);
        connection->ports[channel] = (int)port;
    }
    return PB_OK;
}

static bool is_local(const pb_connection *connection)
{
    return strcmp(connection->transport, "ipc") == 0 || strcmp(connection->ip, "localhost") == 0 ||
           strcmp(connection->ip, "::1") == 0 || strncmp(connection->ip, "127.", 4) == 0;
}

static pb_status read_secrets(const json_t *file, pb_connection *connection, pb_error **error)
{
    char scheme[64] = "hmac-sha256";
    pb_status status = copy_text(file, "signature_scheme", scheme, sizeof scheme, NULL, error);
    if (!status)
        status = copy_text(file, "key", connection->key, sizeof connection->key,
                           &connection->key_length, error);
    if (!status)
        status = copy_text(file, "curve_publickey", connection->curve_public,
                           sizeof connection->curve_public, NULL, error);
    if (!status)
        status = copy_text(file, "curve_secretkey", connection->curve_secret,
                           sizeof connection->curve_secret, NULL, error);
    if (status)
        return status;
    if (strcmp(scheme, "hmac-sha256") != 0)
        return pb_fail(
            error, PB_UNSUPPORTED,
            "the connection file asks for the signature scheme '%s'; Patchbay signs with "
            "hmac-sha256 only",
            scheme);
    if (connection->key_length == 0 && !is_local(connection))
        return pb_fail(error, PB_UNSUPPORTED,
                       "the connection file has no key, and without one Patchbay listens on the "
                       "local machine only, not on %s",
                       connection->ip);
    size_t public = strlen(connection->curve_public), secret = strlen(connection->curve_secret);
    connection->encrypted = public == 40 && secret == 40;
    if (!connection->encrypted && (public || secret))
        return pb_fail(error, PB_FORMAT,
                       "the connection file's encryption keys are not two keys of 40 characters");
    return PB_OK;
}

static pb_status read_fields(const json_t *file, pb_connection *connection, pb_error **error)
{
    strcpy(connection->transport, "tcp");
    strcpy(connection->ip, "127.0.0.1");
    pb_status status = copy_text(file, "transport", connection->transport,
                                 sizeof connection->transport, NULL, error);
    if (!status)
        status = copy_text(file, "ip", connection->ip, sizeof connection->ip, NULL, error);
    if (!status && strcmp(connection->transport, "tcp") != 0 &&
        strcmp(connection->transport, "ipc") != 0)
        status = pb_fail(error, PB_UNSUPPORTED,
                         "the connection file asks for the transport '%s'; Patchbay speaks tcp and "
                         "ipc",
                         connection->transport);
    if (!status)
        status = read_ports(file, connection, error);
    if (!status)
        status = read_secrets(file, connection, error);
    return status;
}

/* jansson keeps copies of the secrets; they are overwritten where they lie. */
static void clear_secrets(json_t *file)
{
    static const char *const secrets[] = {"key", "curve_secretkey"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        const json_t *value = json_object_get(file, secrets[i]);
        if (json_is_string(value))
            OPENSSL_cleanse((char *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
}

pb_status pb_connection_read(const char *text, size_t length, pb_connection *connection,
                             pb_error **error)
{
    memset(connection, 0, sizeof *connection);
    json_error_t fault;
    json_t *file = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    pb_status status;
    if (json_is_object(file))
        status = read_fields(file, connection, error);
    else /* jansson's own words may quote the text, and with it the key */
        status = pb_fail(error, PB_FORMAT, "the connection file is not a JSON object (line %d)",
                         file ? 1 : fault.line);
    clear_secrets(file);
    json_decref(file);
    OPENSSL_cleanse(&fault, sizeof fault);
    if (status)
        pb_connection_clear(connection);
    return status;
}

/* Reads what there is of a small file; -1 with errno on failure. */
static ssize_t read_all(int file, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size && (got = read(file, text + length, size - length)) != 0) {
        if (got < 0 && errno != EINTR)
            return -1;
        length += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)length;
}

static pb_status read_file(int file, const char *path, const pb_log *log, pb_connection *connection,
                           pb_error **error)
{
    struct stat facts;
    if (fstat(file, &facts) != 0)
        return pb_fail_errno(error, errno, "the connection file '%s' cannot be read", path);
    if (!S_ISREG(facts.st_mode))
        return pb_fail(error, PB_IO, "the connection file '%s' is no regular file", path);
    if (facts.st_mode & (S_IRGRP | S_IROTH))
        pb_log_write(log, PB_LOG_WARNING,
                     "others can read the connection file '%s', and with its key control this "
                     "kernel",
                     path);
    char *text = malloc(FILE_LIMIT);
    if (!text)
        return pb_fail_memory(error);
    ssize_t length = read_all(file, text, FILE_LIMIT);
    pb_status status;
    if (length < 0)
        status = pb_fail_errno(error, errno, "the connection file '%s' cannot be read", path);
    else if (length == FILE_LIMIT)
        status = pb_fail(error, PB_LIMIT, "the connection file '%s' is too large", path);
    else
        status = pb_connection_read(text, (size_t)length, connection, error);
    OPENSSL_cleanse(text, FILE_LIMIT);
    free(text);
    return status;
}

pb_status pb_connection_load(const char *path, const pb_log *log, pb_connection *connection,
                             pb_error **error)
{
    memset(connection, 0, sizeof *connection);
    int file =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe is not waited for */
    if (file < 0)
        return pb_fail_errno(error, errno, "the connection file '%s' cannot be opened", path);
    pb_status status = read_file(file, path, log, connection, error);
    close(file);
    return status;
}

void pb_connection_endpoint(const pb_connection *connection, pb_channel channel,
                            char endpoint[PB_ENDPOINT_SIZE])
{
    bool ipc = strcmp(connection->transport, "ipc") == 0;
    bool six = !ipc && strchr(connection->ip, ':');
    snprintf(endpoint, PB_ENDPOINT_SIZE, "%s://%s%s%s%c%d", connection->transport, six ? "[" : "",
             connection->ip, six ? "]" : "", ipc ? '-' : ':', connection->ports[channel]);
}

void pb_connection_clear(pb_connection *connection)
{
    OPENSSL_cleanse(connection, sizeof *connection);
}
