/* routes_dump.c - prints the route tables, one JSON object a line, and then the document, for test_openapi.py. */
#include <stdio.h>

#include "api/api.h"
#include "api/openapi.h"

static const struct route *const tables[] = { meta_routes, people_routes, instrument_routes, booking_routes,
	session_routes, charge_routes };
static const char *const methods[] = { "get", "post", "patch", "delete" };

int main(void)
{
	for (int i = 0; i < 6; i++)
		for (const struct route *r = tables[i]; r->path; r++)
			printf("{\"method\":\"%s\",\"path\":\"%s\",\"key\":%d,\"match\":%d,\"dry\":%d,\"public\":%d}\n",
				methods[r->method], r->path, !!(r->flags & ROUTE_KEY), !!(r->flags & ROUTE_MATCH),
				!!(r->flags & ROUTE_DRY), !!(r->flags & ROUTE_PUBLIC));
	printf("%.*s\n", (int)openapi_json_size, openapi_json);
	return 0;
}
