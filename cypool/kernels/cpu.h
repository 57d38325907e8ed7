/* Can this CPU, under this operating system, run x86-64-v3 code? */
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
#else
static int cypool_runs_v3(void) { return 0; }
#endif

#endif
