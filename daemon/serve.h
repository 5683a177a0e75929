/* serve.h - the daemon at work: both threads, from the first turn to the last. */
#ifndef SERVE_H
#define SERVE_H

#include "conf/conf.h"
#include "drivers/modbus/codec.h"

/* Serves until SIGTERM or SIGINT. 0, or -1 with *err. Takes its own reference of conf. */
int serve(struct conf *conf, const char *profiles_dir, struct modbus_codec *codec, struct lt_err *err);

#endif
