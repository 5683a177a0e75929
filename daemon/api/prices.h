/* prices.h - the routes of price lists and policies; they belong to the table of instruments. */
#ifndef API_PRICES_H
#define API_PRICES_H

#include "api/api.h"

int get_prices(struct act *a, struct api_request *rq, json_t **ret_body);
int get_policies(struct act *a, struct api_request *rq, json_t **ret_body);
int post_price(struct act *a, struct api_request *rq, json_t **ret_body);
int delete_price(struct act *a, struct api_request *rq, json_t **ret_body);

#endif
