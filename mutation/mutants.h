/* Which mutant is alive, and which ones were asked for. MUTANTS: how many there are. */
#ifndef CYPOOL_MUTANTS_H
#define CYPOOL_MUTANTS_H
static int cypool_mutant = 0;
static unsigned char cypool_reached[MUTANTS + 1];

static inline int cypool_mutated(int i)
{
    cypool_reached[i] = 1;
    return cypool_mutant == i;
}
#endif
