/* sessions.h - handlers of session_routes[] (sessions.c), split over sessions.c and review.c. */
#ifndef API_SESSIONS_H
#define API_SESSIONS_H

#include "api/api.h"

int reviews_list(struct act *a, struct api_request *rq, json_t **ret_body);
int reviews_show(struct act *a, struct api_request *rq, json_t **ret_body);
int reviews_attribute(struct act *a, struct api_request *rq, json_t **ret_body);
int reviews_accept(struct act *a, struct api_request *rq, json_t **ret_body);
int reviews_new_meter(struct act *a, struct api_request *rq, json_t **ret_body);
int reviews_waive(struct act *a, struct api_request *rq, json_t **ret_body);
int claims_create(struct act *a, struct api_request *rq, json_t **ret_body);

#endif
