#ifndef TESSERA_CSQLITE_SHIM_H
#define TESSERA_CSQLITE_SHIM_H

#include <sqlite3.h>

/// SQLITE_TRANSIENT is a cast that Swift cannot import: "copy the bytes now".
static inline sqlite3_destructor_type tessera_sqlite_transient(void) {
    return SQLITE_TRANSIENT;
}

/// A text of length zero that has an address.
static inline const char *tessera_empty_text(void) {
    return "";
}

/// Codes that Swift cannot import: a page could not be written.
static inline int tessera_sqlite_is_failed_write(int code) {
    return code == SQLITE_IOERR_WRITE;
}

/// A file could not be written, made longer or made.
static inline int tessera_sqlite_is_failed_growth(int code) {
    return code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE || (code & 0xFF) == SQLITE_CANTOPEN;
}

/// A row breaks a rule other than that of a name that is taken: its values are not what the table holds.
static inline int tessera_sqlite_is_refused_value(int code) {
    return (code & 0xFF) == SQLITE_CONSTRAINT && code != SQLITE_CONSTRAINT_UNIQUE && code != SQLITE_CONSTRAINT_PRIMARYKEY;
}

#endif
