/*
 * effects.h - what an item wants done after the commit. Bounded; what does not fit is either covered by a coarser
 * wish (leases) or harmless to lose (a poll comes anyway).
 */
#ifndef APP_EFFECTS_H
#define APP_EFFECTS_H

#include "app/act.h"

#define EFFECT_LIST 16

struct effects {
	char park[LT_ID];                     /* act_park: forced poll that the item waits for             */
	int n_polls, n_leases;
	char polls[EFFECT_LIST][LT_ID];
	char leases[EFFECT_LIST][LT_ID];
	bool all_leases;                      /* more than fit                                             */
	char touch[9];                        /* a token was used: its last use is due to be recorded      */
};

#endif
