/* What cypool asks of OpenMP beyond prange.  Without OpenMP: one thread, and nothing to prepare. */
#ifndef CYPOOL_OPENMP_H
#define CYPOOL_OPENMP_H

#ifdef _OPENMP
#include <omp.h>
#define CYPOOL_HAS_OPENMP 1
#define CYPOOL_OPENMP_DATE _OPENMP
#else
#define CYPOOL_HAS_OPENMP 0
#define CYPOOL_OPENMP_DATE 0
#endif

static int cypool_max_threads(void) {
#if CYPOOL_HAS_OPENMP && _OPENMP >= 200805
    int wanted = omp_get_max_threads(), limit = omp_get_thread_limit();
    return wanted < limit ? wanted : limit;
#elif CYPOOL_HAS_OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

#if CYPOOL_HAS_OPENMP && !defined(_WIN32)
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

/* The file of the OpenMP that prange runs on. */
static const char *cypool_omp_library(void) {
    Dl_info info;
    return dladdr((void *) omp_get_max_threads, &info) && info.dli_fname ? info.dli_fname : "";
}

/* A function of that library, or NULL. */
static void *cypool_omp_function(const char *name) {
    const char *file = cypool_omp_library();
    void *library = *file ? dlopen(file, RTLD_LAZY | RTLD_NOLOAD) : NULL, *function = NULL;
    if (library) {
        function = dlsym(library, name);
        dlclose(library);
    }
    return function;
}

/* After a fork libgomp still counts on threads that the child does not have, and waits for them for ever, unless
   the thread that forks has released its pool before.  It can do that from GCC 9 on, so ask at run time.
   LLVM's libomp sees to forks itself. */
static int cypool_ready_to_fork(void) {
    int (*release)(int);
    if (cypool_omp_function("__kmpc_fork_call"))
        return 1;
    release = (int (*)(int)) cypool_omp_function("omp_pause_resource_all");
    return release && release(1) == 0; /* 1: omp_pause_soft */
}

/* libgomp ends the process where it cannot start a thread.  So try before: start n > 0 at once, and join them. */
static void *cypool_wait(void *gate) {
    pthread_mutex_lock((pthread_mutex_t *) gate);
    pthread_mutex_unlock((pthread_mutex_t *) gate);
    return NULL;
}

static int cypool_can_start(int n) {
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = n > 0 ? (pthread_t *) malloc(n * sizeof(pthread_t)) : NULL;
    int i, started = 0;
    if (!threads)
        return 0;
    pthread_mutex_lock(&gate);
    while (started < n && pthread_create(&threads[started], NULL, cypool_wait, &gate) == 0)
        started++;
    pthread_mutex_unlock(&gate);
    for (i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return started == n;
}
#else
static const char *cypool_omp_library(void) { return ""; }
static int cypool_ready_to_fork(void) { return 1; }
static int cypool_can_start(int n) { return n >= 0; }
#endif

#endif
