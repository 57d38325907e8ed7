/* Preloaded: counts what cypool's compiled modules allocate, and lets one of their allocations fail.  Those of Python,
   NumPy and OpenMP are left alone: a caller is known by the file its return address lies in. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 64 };
static void *ours[KEPT]; /* allocated and not freed */
int watching;            /* set by the test, as is `fail_at` */
long fail_at;            /* which allocation from now on fails, 1 the next one; 0: none */
long live;

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        abort();
    return function;
}

static int is_ours(const void *caller) {
    Dl_info info;
    return __atomic_load_n(&watching, __ATOMIC_RELAXED) && dladdr(caller, &info) && info.dli_fname &&
           strstr(info.dli_fname, "cypool/kernels/");
}

static int fails(void) {
    return __atomic_load_n(&fail_at, __ATOMIC_RELAXED) > 0 && __atomic_sub_fetch(&fail_at, 1, __ATOMIC_RELAXED) == 0;
}

static void *keep(void *p) {
    for (int i = 0; p; i++) {
        void *none = NULL;
        if (i == KEPT)
            abort();
        if (__atomic_compare_exchange_n(&ours[i], &none, p, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            break;
    }
    __atomic_add_fetch(&live, p != NULL, __ATOMIC_RELAXED);
    return p;
}

static void drop(void *p) {
    for (int i = 0; p && __atomic_load_n(&watching, __ATOMIC_RELAXED) && i < KEPT; i++) {
        void *same = p;
        if (__atomic_compare_exchange_n(&ours[i], &same, NULL, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
            break;
        }
    }
}

void *malloc(size_t size) {
    static void *(*real)(size_t);
    if (!real)
        real = next("malloc");
    if (!is_ours(__builtin_return_address(0)))
        return real(size);
    return fails() ? NULL : keep(real(size));
}

void *calloc(size_t n, size_t size) {
    static void *(*real)(size_t, size_t);
    if (!real)
        real = next("calloc");
    if (!is_ours(__builtin_return_address(0)))
        return real(n, size);
    return fails() ? NULL : keep(real(n, size));
}

void *realloc(void *p, size_t size) {
    static void *(*real)(void *, size_t);
    void *moved;
    if (!real)
        real = next("realloc");
    if (!is_ours(__builtin_return_address(0)))
        return real(p, size);
    if (fails() || !(moved = real(p, size)))
        return NULL;
    drop(p);
    return keep(moved);
}

void free(void *p) {
    static void (*real)(void *);
    if (!real)
        real = next("free");
    drop(p);
    real(p);
}
