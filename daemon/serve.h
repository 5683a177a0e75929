/* serve.h - the daemon at work: both threads, from the first turn to the last. */
#ifndef SERVE_H
#define SERVE_H

#include "conf/conf.h"
#include "drivers/modbus/codec.h"

/* turn_items: for benches, at most so many items a turn; 0: as many as wait. */
struct serve_options { const char *profiles_dir; int turn_items; };

/* Serves until SIGTERM or SIGINT. 0, or -1 with *err. Takes its own reference of conf. */
int serve(struct conf *conf, const struct serve_options *o, struct modbus_codec *codec, struct lt_err *err);

#endif
