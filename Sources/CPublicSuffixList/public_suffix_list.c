#include "CPublicSuffixList.h"

// Every clang since 19 has #embed in every dialect of C, and only says that the dialect is an older one.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char list[] = {
#embed "public_suffix_list.dat"
};

const unsigned char *public_suffix_list(size_t *length) {
    *length = sizeof list;
    return list;
}
