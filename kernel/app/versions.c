/* What this program was built with: the compiler, and the libraries that are loaded now. */
#include "versions.h"

#include <curl/curl.h>
#include <histedit.h>
#include <jansson.h>
#include <oneapi/dnnl/dnnl.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sqlite3.h>
#include <utf8proc.h>
#include <zmq.h>

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void write_pcre2(pb_buffer *out)
{
    char version[64] = "";
    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof version)
        pcre2_config(PCRE2_CONFIG_VERSION, version);
    pb_buffer_format(out, "PCRE2 %s\n", version);
}

void pb_versions_write(pb_buffer *out)
{
    int major, minor, patch;
    const dnnl_version_t *dnnl = dnnl_version();
    zmq_version(&major, &minor, &patch);
    pb_buffer_format(out, "built by %s, %s\n", COMPILER, PB_BUILD_TYPE);
    pb_buffer_format(out, "oneDNN %d.%d.%d\n", dnnl->major, dnnl->minor, dnnl->patch);
    pb_buffer_format(out, "ZeroMQ %d.%d.%d\n", major, minor, patch);
    pb_buffer_format(out, "%s\n", OpenSSL_version(OPENSSL_VERSION));
    pb_buffer_format(out, "jansson %s\n", jansson_version_str());
    write_pcre2(out);
    pb_buffer_format(out, "SQLite %s\n", sqlite3_libversion());
    pb_buffer_format(out, "curl %s\n", curl_version_info(CURLVERSION_NOW)->version);
    pb_buffer_format(out, "utf8proc %s\n", utf8proc_version());
    pb_buffer_format(out, "libedit %d.%d\n", LIBEDIT_MAJOR, LIBEDIT_MINOR);
}
