/* evidence.h - the small reads that a charge is decided from and that its record copies. */
#ifndef STORE_EVIDENCE_H
#define STORE_EVIDENCE_H

#include "core/site.h"
#include "store/db.h"

struct org_copy { char id[LT_ID], name[LT_TITLE], tax_id[64]; };
int evidence_org(struct db *db, const char *org, struct org_copy *ret);                 /* 0, 1, < 0 */

struct reading_copy { int64_t id, at, raw, ext_ms; char class[16]; };
/* The last reading at or before the instant, or the first one at or after it. 0, 1 none, < 0. */
int evidence_reading_before(struct db *db, const char *instrument, int64_t at, struct reading_copy *ret);
int evidence_reading_after(struct db *db, const char *instrument, int64_t at, struct reading_copy *ret);

/* Start of the first booking after `from` that was not called off; 0 none. */
int64_t evidence_next_booking(struct db *db, const char *instrument, int64_t from, int64_t except);
/* Another session of the unit that overlaps [from, to)? */
bool evidence_overlap(struct db *db, const char *instrument, int64_t session, int64_t from, int64_t to);
/* Is there a run of nobody's, hidden by a gap, that may have lain in [from, to)? */
bool evidence_hidden(struct db *db, const char *instrument, int64_t from, int64_t to);
/* A run that was seen in [from, to) and is nobody's. */
bool evidence_nobodys_run(struct db *db, const char *instrument, int64_t from, int64_t to);
/* Was an item of this kind decided for the session? */
bool evidence_review_done(struct db *db, int64_t session, const char *kind);
/* Metered time in [from, to) of sessions that are not the booking's. */
int64_t evidence_used_by_others(struct db *db, const char *instrument, int64_t booking, int64_t from, int64_t to);

#endif
