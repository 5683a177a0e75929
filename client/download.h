/* download.h - exports: a streamed file that is whole, or is not there. */
#ifndef CLIENT_DOWNLOAD_H
#define CLIENT_DOWNLOAD_H

#include "client/cli.h"

int run_export(struct cli *c);

#endif
