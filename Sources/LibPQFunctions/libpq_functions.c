#include "libpq_functions.h"

#include <dlfcn.h>
#include <stddef.h>

#define POINTER(result, name, labels, parameters, arguments) static result(*pointer_##name) parameters;
TESSERA_LIBPQ_FUNCTIONS(POINTER)

#define FORWARD(result, name, labels, parameters, arguments)                                                           \
    result tessera_##name parameters { return pointer_##name arguments; }
TESSERA_LIBPQ_FUNCTIONS(FORWARD)

const char *tessera_libpq_open(const char *file) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return dlerror();
#define FIND(result, name, labels, parameters, arguments)                                                              \
    pointer_##name = (__typeof__(pointer_##name))dlsym(library, #name);                                                \
    if (pointer_##name == NULL) return "it is older than version 14: it has no " #name;
    TESSERA_LIBPQ_FUNCTIONS(FIND)
    return NULL;
}

_Static_assert(CONNECTION_OK == 0 && CONNECTION_BAD == 1, "ConnStatusType");
_Static_assert(PGRES_POLLING_FAILED == 0 && PGRES_POLLING_READING == 1 && PGRES_POLLING_WRITING == 2 &&
                   PGRES_POLLING_OK == 3, "PostgresPollingStatusType");
_Static_assert(PGRES_COMMAND_OK == 1 && PGRES_TUPLES_OK == 2 && PGRES_PIPELINE_SYNC == 10 &&
                   PGRES_PIPELINE_ABORTED == 11, "ExecStatusType");
_Static_assert(PQERRORS_DEFAULT == 1 && PQERRORS_VERBOSE == 2, "PGVerbosity");
_Static_assert(offsetof(PQconninfoOption, val) == 3 * sizeof(char *) &&
                   sizeof(PQconninfoOption) == 7 * sizeof(char *), "PQconninfoOption");

#ifdef LIBPQ_FE_H
#define SAME(result, name, labels, parameters, arguments)                                                              \
    _Static_assert(__builtin_types_compatible_p(__typeof__(name), result parameters), #name);
TESSERA_LIBPQ_FUNCTIONS(SAME)
#endif
