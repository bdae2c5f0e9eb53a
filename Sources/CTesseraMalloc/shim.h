#ifndef TESSERA_CMALLOC_SHIM_H
#define TESSERA_CMALLOC_SHIM_H

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/prctl.h>
#endif

/// Makes the allocator give back what a crowd or a large body has made it take: glibc otherwise learns from one large
/// block to keep blocks of that size, and keeps a heap for each thread. Other C libraries need no such word.
static inline void tessera_return_memory(int arenas) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024);
    mallopt(M_ARENA_MAX, arenas);
#else
    (void)arenas;
#endif
}

/// Lets nobody else look into the memory of this process, and no core dump be made of it, wherever those are sent.
static inline void tessera_hide_memory(void) {
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/// Gives the pages that hold nothing any more back to the system.
static inline void tessera_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
