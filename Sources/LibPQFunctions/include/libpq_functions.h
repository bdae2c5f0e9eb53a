// The functions of libpq that LibPQClient uses, found in the system's library at run time.
//
// libpq's interface of version 5 is stable. That what is declared here is what libpq-fe.h declares, is checked by
// scripts/check, which compiles libpq_functions.c with that header before this one.

#ifndef TESSERA_LIBPQ_FUNCTIONS_H
#define TESSERA_LIBPQ_FUNCTIONS_H

#ifndef LIBPQ_FE_H
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef unsigned int Oid;

typedef enum { CONNECTION_OK, CONNECTION_BAD } ConnStatusType;

typedef enum {
    PGRES_POLLING_FAILED,
    PGRES_POLLING_READING,
    PGRES_POLLING_WRITING,
    PGRES_POLLING_OK
} PostgresPollingStatusType;

typedef enum {
    PGRES_COMMAND_OK = 1,
    PGRES_TUPLES_OK = 2,
    PGRES_PIPELINE_SYNC = 10,
    PGRES_PIPELINE_ABORTED = 11
} ExecStatusType;

typedef enum { PQERRORS_DEFAULT = 1, PQERRORS_VERBOSE = 2 } PGVerbosity;

typedef struct {
    char *keyword;
    char *envvar;
    char *compiled;
    char *val;
    char *label;
    char *dispchar;
    int dispsize;
} PQconninfoOption;

typedef void (*PQnoticeReceiver)(void *, const PGresult *);
#endif

// Each function: its result, its name, the labels of its parameters in Swift, its parameters and their names.
#define TESSERA_LIBPQ_FUNCTIONS(F)                                                                                     \
    F(PGconn *, PQconnectStartParams, "(_:_:_:)",                                                                      \
      (const char *const *names, const char *const *values, int expands), (names, values, expands))                    \
    F(PostgresPollingStatusType, PQconnectPoll, "(_:)", (PGconn * connection), (connection))                           \
    F(void, PQreset, "(_:)", (PGconn * connection), (connection))                                                      \
    F(void, PQfinish, "(_:)", (PGconn * connection), (connection))                                                     \
    F(ConnStatusType, PQstatus, "(_:)", (const PGconn *connection), (connection))                                      \
    F(int, PQsocket, "(_:)", (const PGconn *connection), (connection))                                                 \
    F(char *, PQerrorMessage, "(_:)", (const PGconn *connection), (connection))                                        \
    F(int, PQconnectionNeedsPassword, "(_:)", (const PGconn *connection), (connection))                                \
    F(PGVerbosity, PQsetErrorVerbosity, "(_:_:)", (PGconn * connection, PGVerbosity verbosity),                        \
      (connection, verbosity))                                                                                         \
    F(PQnoticeReceiver, PQsetNoticeReceiver, "(_:_:_:)",                                                               \
      (PGconn * connection, PQnoticeReceiver receiver, void *argument), (connection, receiver, argument))              \
    F(int, PQsetnonblocking, "(_:_:)", (PGconn * connection, int isNonblocking), (connection, isNonblocking))          \
    F(int, PQenterPipelineMode, "(_:)", (PGconn * connection), (connection))                                           \
    F(int, PQpipelineSync, "(_:)", (PGconn * connection), (connection))                                                \
    F(int, PQsendQuery, "(_:_:)", (PGconn * connection, const char *sql), (connection, sql))                           \
    F(int, PQsendPrepare, "(_:_:_:_:_:)",                                                                              \
      (PGconn * connection, const char *name, const char *sql, int count, const Oid *types),                           \
      (connection, name, sql, count, types))                                                                           \
    F(int, PQsendQueryPrepared, "(_:_:_:_:_:_:_:)",                                                                    \
      (PGconn * connection, const char *name, int count, const char *const *values, const int *lengths,                \
       const int *formats, int format),                                                                                \
      (connection, name, count, values, lengths, formats, format))                                                     \
    F(PGresult *, PQexecParams, "(_:_:_:_:_:_:_:_:)",                                                                  \
      (PGconn * connection, const char *sql, int count, const Oid *types, const char *const *values,                   \
       const int *lengths, const int *formats, int format),                                                            \
      (connection, sql, count, types, values, lengths, formats, format))                                               \
    F(int, PQflush, "(_:)", (PGconn * connection), (connection))                                                       \
    F(int, PQconsumeInput, "(_:)", (PGconn * connection), (connection))                                                \
    F(int, PQisBusy, "(_:)", (PGconn * connection), (connection))                                                      \
    F(PGresult *, PQgetResult, "(_:)", (PGconn * connection), (connection))                                            \
    F(ExecStatusType, PQresultStatus, "(_:)", (const PGresult *result), (result))                                      \
    F(char *, PQresultErrorField, "(_:_:)", (const PGresult *result, int field), (result, field))                      \
    F(void, PQclear, "(_:)", (PGresult * result), (result))                                                            \
    F(int, PQntuples, "(_:)", (const PGresult *result), (result))                                                      \
    F(int, PQnfields, "(_:)", (const PGresult *result), (result))                                                      \
    F(char *, PQcmdTuples, "(_:)", (PGresult * result), (result))                                                      \
    F(int, PQgetisnull, "(_:_:_:)", (const PGresult *result, int row, int column), (result, row, column))              \
    F(char *, PQgetvalue, "(_:_:_:)", (const PGresult *result, int row, int column), (result, row, column))            \
    F(int, PQgetlength, "(_:_:_:)", (const PGresult *result, int row, int column), (result, row, column))              \
    F(PQconninfoOption *, PQconninfoParse, "(_:_:)", (const char *text, char **message), (text, message))              \
    F(void, PQconninfoFree, "(_:)", (PQconninfoOption * options), (options))                                           \
    F(void, PQfreemem, "(_:)", (void *memory), (memory))

#define TESSERA_DECLARE(result, name, labels, parameters, arguments)                                                   \
    __attribute__((swift_name(#name labels))) result tessera_##name parameters;
TESSERA_LIBPQ_FUNCTIONS(TESSERA_DECLARE)
#undef TESSERA_DECLARE

// Opens the library, once, before any of the functions is called. Returns why it cannot be used, or NULL.
__attribute__((swift_name("openLibPQ(_:)"))) const char *tessera_libpq_open(const char *file);

#endif
