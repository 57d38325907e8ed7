/* Which code can this CPU run, under this operating system? */
#ifndef CYPOOL_CPU_H
#define CYPOOL_CPU_H

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#include <cpuid.h>

static int cypool_runs_v3(void) {
    unsigned a, b, c, d, f16c_movbe, lzcnt;
    /* Those that need the operating system too: the compiler's check asks it. */
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi")
          && __builtin_cpu_supports("bmi2")))
        return 0;
    /* Not every compiler knows these by name. */
    f16c_movbe = __get_cpuid(1, &a, &b, &c, &d) ? c >> 29 & c >> 22 & 1 : 0;
    lzcnt = __get_cpuid(0x80000001u, &a, &b, &c, &d) ? c >> 5 & 1 : 0;
    return f16c_movbe && lzcnt;
}

/* x86-64-v4, on CPUs whose registers of 512 bits are no slower than others: since Ice Lake and Zen 4. */
static int cypool_runs_v4(void) {
    return cypool_runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
}
#else
static int cypool_runs_v3(void) { return 0; }
static int cypool_runs_v4(void) { return 0; }
#endif

#endif
