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

#endif
