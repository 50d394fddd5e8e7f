/* The history's SQLite file: a row a session, a row a cell. */
#include "history/history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "glob.h"

/* Cells added between two prunings, and milliseconds to wait for another kernel's write. */
#define PRUNE_EVERY  256
#define BUSY_TIMEOUT 500

/* Bytes of source and output that wait in memory while the file is locked. */
#define WAITING_BYTES (16u << 20)

#define SCHEMA_VERSION 1

static const char schema[] = "CREATE TABLE IF NOT EXISTS sessions("
                             "  session INTEGER PRIMARY KEY AUTOINCREMENT,"
                             "  started TEXT NOT NULL DEFAULT (datetime('now')));"
                             "CREATE TABLE IF NOT EXISTS cells("
                             "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                             "  session INTEGER NOT NULL,"
                             "  line INTEGER NOT NULL,"
                             "  source TEXT NOT NULL,"
                             "  output TEXT,"
                             "  bytes INTEGER NOT NULL,"
                             "  UNIQUE(session, line));";

/* Cells that could not be written yet: in memory, beside the file. */
static const char waiting_schema[] = "CREATE TABLE temp.waiting("
                                     "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                     "  session INTEGER NOT NULL,"
                                     "  line INTEGER NOT NULL,"
                                     "  source TEXT NOT NULL,"
                                     "  output TEXT,"
                                     "  bytes INTEGER NOT NULL);";

/* The cells that something holds for, those that wait as the newest. Each half is in the order of
 * its ids, or of its session's lines, so that the last few are found without going through all. */
#define CELLS_WHERE(holds)                                                                         \
    "SELECT session, line, source, output, id FROM main.cells WHERE " holds                        \
    " UNION ALL SELECT session, line, source, output, id + (1 << 62) AS id FROM temp.waiting"      \
    " WHERE " holds
#define EVERY_CELL CELLS_WHERE("1")
#define MATCHING   CELLS_WHERE("pb_glob(?1, source)")

struct pb_history {
    pthread_mutex_t lock; /* held by every public function that touches what follows */
    sqlite3 *database;
    bool in_memory;
    int64_t session;
    size_t added;   /* since the last pruning */
    size_t waiting; /* cells; while there are any, no write waits for the lock */
    const pb_log *log;
};

/* A list and the memory its cells lie in; the public part comes first. */
typedef struct {
    pb_history_list list;
    pb_arena *arena;
} owned_list;

/* ---- the file ---- */

/* Makes the folders above a file, for this person only. */
static int make_folders(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return ENOMEM;
    int failure = 0;
    for (char *slash = strchr(folder + 1, '/'); slash && !failure; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            failure = errno;
        *slash = '/';
    }
    free(folder);
    return failure;
}

/* Makes sure that the file is there and only its owner reads it; SQLite's side files follow it. */
static int make_file(const char *path)
{
    int failure = make_folders(path);
    if (failure)
        return failure;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    close(file);
    return 0;
}

static void sql_glob(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *pattern = (const char *)sqlite3_value_text(values[0]);
    const char *text = (const char *)sqlite3_value_text(values[1]);
    size_t pattern_length = (size_t)sqlite3_value_bytes(values[0]);
    size_t text_length = (size_t)sqlite3_value_bytes(values[1]);
    bool matched = pattern && text && pb_glob_match(pattern, pattern_length, text, text_length);
    sqlite3_result_int(context, matched);
}

/* The file is whoever's who wrote it last, and what it holds is data: no trigger, no view and no
 * function in its schema is run, and no text is longer than what is ever written. */
static int distrust(sqlite3 *database)
{
    static const int settings[][2] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                      {SQLITE_DBCONFIG_ENABLE_VIEW, 0}};
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && code == SQLITE_OK; i++)
        code = sqlite3_db_config(database, settings[i][0], settings[i][1], (int *)NULL);
    sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 4 * (int)(PB_HISTORY_SOURCE + PB_HISTORY_OUTPUT));
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY",
                            NULL, NULL, NULL);
    return code;
}

static int single_number(sqlite3 *database, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *number = sqlite3_column_int64(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

static int prepare_schema(sqlite3 *database)
{
    int64_t version = 0;
    int code = single_number(database, "PRAGMA user_version", &version);
    if (code == SQLITE_OK && version > SCHEMA_VERSION)
        return SQLITE_SCHEMA; /* a newer Patchbay's file: leave it alone */
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, schema, NULL, NULL, NULL);
    if (code == SQLITE_OK && version == 0)
        code = sqlite3_exec(database, "PRAGMA user_version = 1", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, waiting_schema, NULL, NULL, NULL);
    return code;
}

/* Opens a database and its tables; on failure nothing stays open. */
static int open_database(const char *path, sqlite3 **database)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, database, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*database, BUSY_TIMEOUT);
    if (code == SQLITE_OK)
        code = distrust(*database);
    if (code == SQLITE_OK)
        code = sqlite3_create_function(*database, "pb_glob", 2,
                                       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                       sql_glob, NULL, NULL);
    if (code == SQLITE_OK) /* where a write-ahead log cannot be had, SQLite keeps its own default */
        code = sqlite3_exec(*database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = prepare_schema(*database);
    if (code != SQLITE_OK) {
        sqlite3_close(*database);
        *database = NULL;
    }
    return code;
}

static int prune(pb_history *history)
{
    static const char sql[] =
        "DELETE FROM cells WHERE id IN (SELECT id FROM (SELECT id,"
        "  row_number() OVER newest AS place, sum(bytes) OVER newest AS total FROM cells"
        "  WINDOW newest AS (ORDER BY id DESC)) WHERE place > ?1 OR total > ?2)";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_int64(statement, 1, PB_HISTORY_CELLS);
    sqlite3_bind_int64(statement, 2, PB_HISTORY_BYTES);
    sqlite3_step(statement);
    code = sqlite3_finalize(statement);
    if (code == SQLITE_OK)
        code =
            sqlite3_exec(history->database,
                         "DELETE FROM sessions WHERE session < (SELECT max(session) FROM sessions)"
                         " AND session NOT IN (SELECT session FROM cells)",
                         NULL, NULL, NULL);
    history->added = 0;
    return code;
}

static int begin_session(pb_history *history)
{
    int code = prune(history);
    if (code == SQLITE_OK)
        code = sqlite3_exec(history->database, "INSERT INTO sessions DEFAULT VALUES", NULL, NULL,
                            NULL);
    if (code == SQLITE_OK)
        history->session = sqlite3_last_insert_rowid(history->database);
    return code;
}

static bool open_memory(pb_history *history)
{
    history->waiting = 0;
    if (history->database)
        sqlite3_close(history->database);
    history->database = NULL;
    history->in_memory = true;
    return open_database(":memory:", &history->database) == SQLITE_OK;
}

/* Opens the named file and begins a session in it; says why it cannot. */
static bool open_file(pb_history *history, const char *path)
{
    int failure = make_file(path);
    if (failure) {
        pb_log_write(history->log, PB_LOG_WARNING,
                     "the history file '%s' cannot be used (%s); this session's history is kept in "
                     "memory only",
                     path, strerror(failure));
        return false;
    }
    int code = open_database(path, &history->database);
    if (code == SQLITE_OK)
        code = begin_session(history);
    if (code != SQLITE_OK)
        pb_log_write(history->log, PB_LOG_WARNING,
                     "the history file '%s' cannot be used (%s); this session's history is kept in "
                     "memory only",
                     path, sqlite3_errstr(code));
    return code == SQLITE_OK;
}

pb_status pb_history_open(const char *path, const pb_log *log, pb_history **history,
                          pb_error **error)
{
    *history = NULL;
    pb_history *opened = pb_calloc(1, sizeof *opened);
    if (!opened)
        return pb_fail_memory(error);
    opened->log = log;
    pthread_mutex_init(&opened->lock, NULL);
    bool stored = path && open_file(opened, path);
    if (!stored && (!open_memory(opened) || begin_session(opened) != SQLITE_OK)) {
        pb_history_close(&opened);
        return pb_fail_memory(error);
    }
    *history = opened;
    return PB_OK;
}

int64_t pb_history_session(const pb_history *history)
{
    return history->session;
}

/* ---- adding ---- */

/* The length of the longest start of the text that fits the limit and ends between characters. */
static int cut(const char *text, size_t length, size_t limit)
{
    if (length > limit) {
        length = limit;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    return (int)length;
}

/* Into the file, or among those that wait for it. */
static int insert(pb_history *history, bool wait, int64_t line, const char *source,
                  int source_length, const char *output, int output_length)
{
    const char *sql =
        wait ? "INSERT INTO temp.waiting(session, line, source, output, bytes)"
               " VALUES(?1, ?2, ?3, ?4, ?5)"
             : "INSERT OR REPLACE INTO main.cells(session, line, source, output, bytes)"
               " VALUES(?1, ?2, ?3, ?4, ?5)";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_int64(statement, 1, history->session);
    sqlite3_bind_int64(statement, 2, line);
    sqlite3_bind_text(statement, 3, source, source_length, SQLITE_STATIC);
    if (output)
        sqlite3_bind_text(statement, 4, output, output_length, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, (int64_t)source_length + output_length);
    sqlite3_step(statement);
    return sqlite3_finalize(statement);
}

/* Writes the cells that wait, all or none. */
static int write_waiting(pb_history *history)
{
    static const char sql[] =
        "BEGIN IMMEDIATE;"
        "INSERT OR REPLACE INTO main.cells(session, line, source, output, bytes)"
        " SELECT session, line, source, output, bytes FROM temp.waiting ORDER BY id;"
        "DELETE FROM temp.waiting;"
        "COMMIT";
    if (history->waiting == 0)
        return SQLITE_OK;
    int code = sqlite3_exec(history->database, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK && !sqlite3_get_autocommit(history->database))
        sqlite3_exec(history->database, "ROLLBACK", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        history->added += history->waiting;
        history->waiting = 0;
        sqlite3_busy_timeout(history->database, BUSY_TIMEOUT);
    }
    return code;
}

/* The file is locked, perhaps for good. One cell has waited for it; from here on they wait here. */
static int begin_to_wait(pb_history *history)
{
    static const char cut_oldest[] =
        "DELETE FROM temp.waiting WHERE id IN (SELECT id FROM (SELECT id,"
        "  sum(bytes) OVER (ORDER BY id DESC) AS total FROM temp.waiting) WHERE total > ?1)";
    if (history->waiting++ == 0) {
        sqlite3_busy_timeout(history->database, 0);
        pb_log_write(
            history->log, PB_LOG_WARNING,
            "the history file is locked by another program; cells are kept in memory until "
            "it is free");
    }
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->database, cut_oldest, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, WAITING_BYTES);
        sqlite3_step(statement);
    }
    return sqlite3_finalize(statement);
}

void pb_history_add(pb_history *history, int64_t line, const char *source, size_t source_length,
                    const char *output, size_t output_length)
{
    int source_size = cut(source, source_length, PB_HISTORY_SOURCE);
    int output_size = output ? cut(output, output_length, PB_HISTORY_OUTPUT) : 0;
    pthread_mutex_lock(&history->lock);
    int code = write_waiting(history);
    if (code == SQLITE_OK)
        code = insert(history, false, line, source, source_size, output, output_size);
    if (code == SQLITE_BUSY) {
        code = insert(history, true, line, source, source_size, output, output_size);
        if (code == SQLITE_OK)
            code = begin_to_wait(history);
    }
    if (code != SQLITE_OK && !history->in_memory) {
        pb_log_write(history->log, PB_LOG_WARNING,
                     "the history file can no longer be written (%s); the rest of this session's "
                     "history is kept in memory only",
                     sqlite3_errstr(code));
        if (open_memory(history))
            code = insert(history, false, line, source, source_size, output, output_size);
    }
    if (code == SQLITE_OK && history->waiting == 0 && ++history->added >= PRUNE_EVERY)
        prune(history);
    pthread_mutex_unlock(&history->lock);
}

void pb_history_close(pb_history **history)
{
    if (!*history)
        return;
    if ((*history)->waiting > 0) {
        sqlite3_busy_timeout((*history)->database, BUSY_TIMEOUT);
        if (write_waiting(*history) != SQLITE_OK)
            pb_log_write((*history)->log, PB_LOG_WARNING,
                         "the history file is still locked; %zu cells are missing from it",
                         (*history)->waiting);
    }
    sqlite3_close((*history)->database);
    pthread_mutex_destroy(&(*history)->lock);
    free(*history);
    *history = NULL;
}

/* ---- asking ---- */

static const char *copy_column(pb_arena *arena, sqlite3_stmt *row, int column, size_t *length)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    *length = (size_t)sqlite3_column_bytes(row, column);
    return pb_arena_text(arena, text ? text : "", text ? *length : 0);
}

static bool copy_cell(pb_arena *arena, sqlite3_stmt *row, pb_history_cell *cell)
{
    *cell = (pb_history_cell){.session = sqlite3_column_int64(row, 0),
                              .line = sqlite3_column_int64(row, 1)};
    cell->source = copy_column(arena, row, 2, &cell->source_length);
    if (sqlite3_column_type(row, 3) != SQLITE_NULL) {
        cell->output = copy_column(arena, row, 3, &cell->output_length);
        if (!cell->output)
            return false;
    }
    return cell->source != NULL;
}

static void reverse(pb_history_cell *cells, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        pb_history_cell cell = cells[i];
        cells[i] = cells[count - 1 - i];
        cells[count - 1 - i] = cell;
    }
}

/* Runs a question whose rows come newest first, and gives at most `limit` of them oldest first. */
static pb_status collect(sqlite3_stmt *statement, size_t limit, pb_history_list **list,
                         pb_error **error)
{
    owned_list *owned = pb_calloc(1, sizeof *owned);
    *list = (pb_history_list *)owned;
    if (owned)
        owned->arena = pb_arena_create();
    if (!owned || !owned->arena)
        goto no_memory;
    size_t capacity = 0;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && owned->list.count < limit) {
        if (owned->list.count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            void *grown = pb_realloc(owned->list.cells, capacity, sizeof *owned->list.cells);
            if (!grown)
                goto no_memory;
            owned->list.cells = grown;
        }
        if (!copy_cell(owned->arena, statement, &owned->list.cells[owned->list.count]))
            goto no_memory;
        owned->list.count++;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        pb_history_list_destroy(list);
        return pb_fail(error, PB_IO, "the history cannot be read: %s", sqlite3_errstr(code));
    }
    reverse(owned->list.cells, owned->list.count);
    return PB_OK;

no_memory:
    pb_history_list_destroy(list);
    return pb_fail_memory(error);
}

static size_t bounded(size_t n)
{
    return n < PB_HISTORY_REPLY ? n : PB_HISTORY_REPLY;
}

static pb_status cannot_read(pb_history *history, pb_error **error)
{
    return pb_fail(error, PB_IO, "the history cannot be read: %s",
                   sqlite3_errmsg(history->database));
}

pb_status pb_history_search(pb_history *history, const char *pattern, size_t pattern_length,
                            size_t n, bool unique, pb_history_list **list, pb_error **error)
{
    static const char all[] = MATCHING " ORDER BY id DESC LIMIT ?2";
    static const char different[] = "SELECT session, line, source, output FROM (" EVERY_CELL ")"
                                    " WHERE id IN (SELECT max(id) FROM (" MATCHING ")"
                                    " GROUP BY source) ORDER BY id DESC LIMIT ?2";
    *list = NULL;
    if (pattern_length > PB_HISTORY_SOURCE)
        return pb_fail(error, PB_LIMIT, "a history pattern of %zu bytes is too long",
                       pattern_length);
    pthread_mutex_lock(&history->lock);
    sqlite3_stmt *statement = NULL;
    pb_status status;
    if (sqlite3_prepare_v2(history->database, unique ? different : all, -1, &statement, NULL) ==
        SQLITE_OK) {
        sqlite3_bind_text(statement, 1, pattern, (int)pattern_length, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, (int64_t)bounded(n));
        status = collect(statement, bounded(n), list, error);
    } else {
        status = cannot_read(history, error);
    }
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&history->lock);
    return status;
}

pb_status pb_history_tail(pb_history *history, size_t n, bool unique, pb_history_list **list,
                          pb_error **error)
{
    return pb_history_search(history, "*", 1, n, unique, list, error);
}

/* The number of the session meant; 0 if there is none. */
static int64_t resolve_session(pb_history *history, int64_t session)
{
    if (session == 0)
        return history->session;
    if (session > 0)
        return session;
    int64_t found = 0;
    sqlite3_stmt *statement = NULL;
    static const char sql[] = "SELECT session FROM sessions WHERE session < ?1"
                              " ORDER BY session DESC LIMIT 1 OFFSET ?2";
    if (sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, history->session);
        sqlite3_bind_int64(statement, 2, -(session + 1)); /* no overflow, even for the least */
        if (sqlite3_step(statement) == SQLITE_ROW)
            found = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return found;
}

pb_status pb_history_range(pb_history *history, int64_t session, int64_t start, int64_t stop,
                           pb_history_list **list, pb_error **error)
{
    static const char sql[] =
        CELLS_WHERE("session = ?1 AND line >= ?2 AND line < ?3") " ORDER BY line DESC";
    *list = NULL;
    pthread_mutex_lock(&history->lock);
    sqlite3_stmt *statement = NULL;
    pb_status status;
    if (sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, resolve_session(history, session));
        sqlite3_bind_int64(statement, 2, start);
        sqlite3_bind_int64(statement, 3, stop < 0 ? INT64_MAX : stop);
        status = collect(statement, PB_HISTORY_REPLY, list, error);
    } else {
        status = cannot_read(history, error);
    }
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&history->lock);
    return status;
}

void pb_history_list_destroy(pb_history_list **list)
{
    if (!*list)
        return;
    owned_list *owned = (owned_list *)*list;
    free(owned->list.cells);
    if (owned->arena)
        pb_arena_destroy(&owned->arena);
    free(owned);
    *list = NULL;
}
