/* What the kernel is, and the comms it does not have. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static void write_language(pb_writer *content, const char *version)
{
    pb_write_open(content, '{');
    pb_write_pair(content, "name", "patchbay");
    pb_write_pair(content, "version", version);
    /* Its own type and mode: under Python's, Python's language servers underline what is right
     * here. The extension in kernelspec/labextension colours it. */
    pb_write_pair(content, "mimetype", "text/x-patchbay");
    pb_write_pair(content, "codemirror_mode", "text/x-patchbay");
    pb_write_pair(content, "file_extension", ".pbay");
    pb_write_pair(content, "pygments_lexer", "patchbay");
    pb_write_close(content, '}');
}

static void write_help_links(pb_writer *content)
{
    static const char *const links[][2] = {
        {"TransformerLens, whose names and numbers these are",
         "https://transformerlensorg.github.io/TransformerLens/"},
    };
    pb_write_open(content, '[');
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        pb_write_open(content, '{');
        pb_write_pair(content, "text", links[i][0]);
        pb_write_pair(content, "url", links[i][1]);
        pb_write_close(content, '}');
    }
    pb_write_close(content, ']');
}

pb_status pb_handle_kernel_info(pb_request *request, pb_error **error)
{
    (void)error;
    const pb_kernel_options *options = request->kernel->options;
    char banner[256];
    snprintf(banner, sizeof banner,
             "Patchbay %s: ask a GPT-2 why it predicted what it predicted.\n"
             "Begin with  load()  and  help()",
             options->version);
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_pair(&content, "protocol_version", PB_PROTOCOL_VERSION);
    pb_write_pair(&content, "implementation", "patchbay");
    pb_write_pair(&content, "implementation_version", options->version);
    pb_write_pair(&content, "banner", banner);
    pb_write_key(&content, "debugger");
    pb_write_boolean(&content, false);
    pb_write_key(&content, "language_info");
    write_language(&content, options->version);
    pb_write_key(&content, "help_links");
    write_help_links(&content);
    pb_write_key(&content, "supported_features");
    pb_write_open(&content, '[');
    pb_write_string(&content, "kernel subshells");
    pb_write_close(&content, ']');
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

pb_status pb_handle_connect(pb_request *request, pb_error **error)
{
    (void)error;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    for (pb_channel channel = 0; channel < PB_CHANNELS; channel++) {
        pb_write_key(&content, pb_connection_port_name(channel));
        pb_write_integer(&content, request->kernel->connection.ports[channel]);
    }
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

pb_status pb_handle_comm_info(pb_request *request, pb_error **error)
{
    (void)error;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_ok(&content);
    pb_write_key(&content, "comms");
    pb_write_raw(&content, "{}");
    pb_write_close(&content, '}');
    pb_request_reply(request, NULL, &content);
    return PB_OK;
}

/* This kernel knows no comm targets: whoever opens one is told that it is closed. */
pb_status pb_handle_comm_open(pb_request *request, pb_error **error)
{
    pb_text id;
    pb_status status = pb_json_needed_text(request->message->content, "comm_id", &id, error);
    if (status)
        return status;
    pb_writer content = PB_WRITER_EMPTY;
    pb_write_open(&content, '{');
    pb_write_key(&content, "comm_id");
    pb_write_bytes(&content, id.data, id.length);
    pb_write_key(&content, "data");
    pb_write_raw(&content, "{}");
    pb_write_close(&content, '}');
    pb_request_publish(request, "comm_close", &content);
    return PB_OK;
}

/* Messages of comms that are closed already; they ask for no reply. */
pb_status pb_handle_comm_ignored(pb_request *request, pb_error **error)
{
    (void)request;
    (void)error;
    return PB_OK;
}
