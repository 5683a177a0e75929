/* backup.h - POST /v1/backups: an online copy of the store, in bounded steps between turns. */
#ifndef APP_BACKUP_H
#define APP_BACKUP_H

#include "app/act.h"
#include "app/job.h"

/* A job whose output is blank space while it copies and then one JSON object {path, bytes}. 0 or ACT_REFUSED. */
int backup_start(struct act *a, const char *path, struct job **ret);

#endif
