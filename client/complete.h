/* complete.h - completion: scripts for three shells that all ask `labtime __complete`. */
#ifndef CLIENT_COMPLETE_H
#define CLIENT_COMPLETE_H

#include "client/cli.h"

int completion_script(const char *shell);     /* 0, -1 unknown shell */
int complete_words(struct cli *c);            /* the words so far are c->args.pos; the last is being written */

#endif
