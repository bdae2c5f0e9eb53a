#ifndef TESSERA_CYAML_SHIM_H
#define TESSERA_CYAML_SHIM_H

#include <yaml.h>

#endif
