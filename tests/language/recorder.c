/* A host that keeps what a cell writes and shows. */
#include "recorder.h"

#include <stdlib.h>
#include <string.h>

#include "dictionary/dictionary.h"

static void on_text(void *user, int fd, const char *text, size_t length)
{
    recorder *r = user;
    if (fd == 2)
        pb_buffer_text(&r->out, "[stderr] ");
    pb_buffer_append(&r->out, text, length);
}

static void plain_of(recorder *r, const pb_bundle *bundle)
{
    const char *text = pb_bundle_find(bundle, "text/plain");
    pb_buffer_text(&r->out, text ? text : "[no text/plain]");
    if (r->out.length > 0 && r->out.data[r->out.length - 1] != '\n')
        pb_buffer_byte(&r->out, '\n');
}

static void on_show(void *user, const pb_bundle *bundle, const char *id, bool update)
{
    (void)id;
    (void)update;
    plain_of(user, bundle);
}

static void on_clear(void *user, bool wait)
{
    recorder *r = user;
    pb_buffer_text(&r->out, wait ? "[clear, wait]\n" : "[clear]\n");
}

static void on_page(void *user, const pb_bundle *bundle)
{
    recorder *r = user;
    pb_buffer_text(&r->out, "[page]\n");
    plain_of(r, bundle);
}

static pb_status on_ask(void *user, const char *prompt, bool secret, pb_buffer *line,
                        pb_error **error)
{
    recorder *r = user;
    if (!r->answer)
        return pb_fail(error, PB_UNSUPPORTED, "this front end has no input line");
    pb_buffer_format(&r->out, "[ask%s] %s\n", secret ? " secretly" : "", prompt);
    pb_buffer_text(line, r->answer);
    return PB_OK;
}

static void on_resume(void *user)
{
    atomic_store(&((recorder *)user)->stop, false);
}

pb_session *recorder_session(pb_session_options options)
{
    pb_session *session = NULL;
    options.words = pb_dictionary(&options.n_words);
    return pb_session_create(&options, &session, NULL) ? NULL : session;
}

void recorder_start(recorder *r)
{
    memset(r, 0, sizeof *r);
    r->host = (pb_host){.user = r,
                        .stop = &r->stop,
                        .resume = on_resume,
                        .text = on_text,
                        .show = on_show,
                        .clear = on_clear,
                        .page = on_page,
                        .ask = on_ask};
}

void recorder_end(recorder *r)
{
    pb_buffer_free(&r->out);
}

char *recorder_run(recorder *r, pb_session *session, const char *name, const char *code,
                   size_t length)
{
    pb_bundle *last = NULL;
    pb_error *error = NULL;
    pb_buffer_clear(&r->out);
    pb_status status = pb_session_run(session, name, code, length, &r->host, &last, &error);
    if (!status && last)
        plain_of(r, last);
    if (status) {
        char *message = pb_error_render(error);
        pb_buffer_text(&r->out, message ? message : "[no message]\n");
        free(message);
    }
    pb_bundle_destroy(&last);
    pb_error_destroy(&error);
    return pb_buffer_take(&r->out);
}

char *run_alone(const char *code)
{
    recorder r;
    pb_session *session = recorder_session((pb_session_options){.default_model = "reviews-4m"});
    if (!session)
        return NULL;
    recorder_start(&r);
    char *text = recorder_run(&r, session, "cell 1", code, strlen(code));
    recorder_end(&r);
    pb_session_destroy(&session);
    return text;
}
