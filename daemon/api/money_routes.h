/* money_routes.h - handlers of charge_routes[] (charges.c), split over charges.c, reports.c and exports.c. */
#ifndef API_MONEY_ROUTES_H
#define API_MONEY_ROUTES_H

#include "api/api.h"
#include "app/view.h"

int reports_usage(struct act *a, struct api_request *rq, json_t **ret_body);
int reports_bill(struct act *a, struct api_request *rq, json_t **ret_body);
int reports_balance(struct act *a, struct api_request *rq, json_t **ret_body);
int exports_create(struct act *a, struct api_request *rq, json_t **ret_body);
int exports_show(struct act *a, struct api_request *rq, json_t **ret_body);
int exports_data(struct act *a, struct api_request *rq, json_t **ret_body);

json_t *json_charge(const struct site *s, const struct charge *c);
/* The charge's lines, as an array; NULL with a failed statement. */
json_t *json_charge_lines(struct act *a, const struct charge *c);

/* Whose rows a collection shows: the query's org and user inside the caller's reach. False: none can match. */
bool money_scope(struct api_request *rq, const char **ret_org, const char **ret_user);
/* "2026-11". 0, or ACT_REFUSED (422 bad-request, field). */
int money_period_valid(struct act *a, const char *field, const char *text);

#endif
