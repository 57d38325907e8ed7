/* Where threads run.  When a caller comes back from a pause, Linux may wake a thread of its pool on the caller's own
   CPU: the two take turns for some milliseconds, while another CPU idles (global means of 13 MB, called 5 ms apart, took
   2.0 ms in the median, and take 0.6).  A thread that finds itself there moves, and stays away from that CPU. */
#ifndef CYPOOL_PLACE_H
#define CYPOOL_PLACE_H

typedef struct {
    int thread, cpu; /* of the caller; -1: not known, or of no interest */
} cypool_caller;

#if defined(_OPENMP) && defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The calling thread; a call on one thread does not ask. */
static inline cypool_caller cypool_here(int threads) {
    cypool_caller here = {-1, -1};
    if (threads > 1) {
        here.thread = (int) syscall(SYS_gettid);
        here.cpu = sched_getcpu();
    }
    return here;
}

/* The caller's CPUs but for the one that it is on, if there are others.  Where the system refuses, nothing changes. */
static void cypool_leave(const cypool_caller *caller) {
    cpu_set_t others;
    if (sched_getaffinity(caller->thread, sizeof others, &others) == 0) {
        CPU_CLR(caller->cpu, &others);
        if (CPU_COUNT(&others) > 0)
            (void) sched_setaffinity(0, sizeof others, &others);
    }
}

static inline void cypool_keep_off(const cypool_caller *caller) {
    if (caller->cpu >= 0 && sched_getcpu() == caller->cpu)
        cypool_leave(caller);
}
#else
static inline cypool_caller cypool_here(int threads) {
    cypool_caller here = {-1, -1};
    (void) threads;
    return here;
}
static inline void cypool_keep_off(const cypool_caller *caller) { (void) caller; }
#endif

#endif
