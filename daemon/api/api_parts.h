/* api_parts.h - what the files of the dispatcher share; resource files include api.h only. */
#ifndef API_PARTS_H
#define API_PARTS_H

#include "api/api.h"
#include "app/ledger.h"

/* access.c */
int access_identify(struct act *a, const struct msg_request *m);                  /* 0, ACT_REFUSED (401), < 0 */
int access_ask(struct act *a, struct api_request *rq);                            /* 0, ACT_REFUSED (403, 404), < 0 */

/* json.c */
int json_body(struct act *a, struct api_request *rq);
int json_query(struct act *a, struct api_request *rq);
bool json_visible(const char *s);

/* problem.c: what was refused, as application/problem+json. */
json_t *problem_json(struct act *a);

/* api.c */
struct api_said { char version[32], libevent[200], libevent_cure[160], store_path[512]; };
extern struct api_said api_said;

#endif
