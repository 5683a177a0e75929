/* role.c - see role.h. Pure. */
#include "core/role.h"

#include <string.h>

static const char *const role_names[ROLE_COUNT] = { "", "member", "org_admin", "manager", "finance", "admin" };

const char *role_name(enum role r)
{
	return r >= 0 && r < ROLE_COUNT ? role_names[r] : "";
}

bool role_from_name(const char *name, enum role *ret)
{
	for (int r = ROLE_MEMBER; r < ROLE_COUNT; r++)
		if (strcmp(role_names[r], name) == 0) {
			*ret = (enum role)r;
			return true;
		}
	return false;
}

bool role_is_staff(enum role r)
{
	return r == ROLE_MANAGER || r == ROLE_FINANCE || r == ROLE_ADMIN;
}
