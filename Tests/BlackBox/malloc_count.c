// Counts what a process allocates, in a file of eight bytes that others can read: LD_PRELOAD for allocations.py.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned long here;
static unsigned long *count = &here;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

static void noted(void) { __atomic_fetch_add(count, 1, __ATOMIC_RELAXED); }
void *malloc(size_t size) { noted(); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { noted(); return __libc_calloc(number, size); }
void *realloc(void *old, size_t size) { if (!old) noted(); return __libc_realloc(old, size); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TESSERA_MALLOC_COUNT");
    int file = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof *count) != 0) return;
    void *memory = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) count = memory;
    close(file);
}
