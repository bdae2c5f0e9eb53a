#ifndef TESSERA_CPOSTGRESQL_SHIM_H
#define TESSERA_CPOSTGRESQL_SHIM_H

#include <libpq-fe.h>

#endif
