/* blocks.h - the routes of blocks; they belong to the table of instruments. */
#ifndef API_BLOCKS_H
#define API_BLOCKS_H

#include "api/api.h"

int post_block(struct act *a, struct api_request *rq, json_t **ret_body);
int get_blocks(struct act *a, struct api_request *rq, json_t **ret_body);
int delete_block(struct act *a, struct api_request *rq, json_t **ret_body);

#endif
