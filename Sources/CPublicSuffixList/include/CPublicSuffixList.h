#ifndef C_PUBLIC_SUFFIX_LIST_H
#define C_PUBLIC_SUFFIX_LIST_H

#include <stddef.h>

/// The bytes of the public suffix list, as it is published; they are part of the program.
const unsigned char *_Nonnull public_suffix_list(size_t *_Nonnull length);

#endif
