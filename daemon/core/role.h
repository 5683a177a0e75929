/* role.h - what a person may be: roles and their names. */
#ifndef CORE_ROLE_H
#define CORE_ROLE_H

#include <stdbool.h>

enum role { ROLE_NONE, ROLE_MEMBER, ROLE_ORG_ADMIN, ROLE_MANAGER, ROLE_FINANCE, ROLE_ADMIN, ROLE_COUNT };

const char *role_name(enum role r);                     /* "" for ROLE_NONE                           */
bool role_from_name(const char *name, enum role *ret);
bool role_is_staff(enum role r);

#endif
