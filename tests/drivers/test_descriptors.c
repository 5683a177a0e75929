/*
 * test_descriptors.c - every descriptor of the process is in use, and a controller drops its connection: it is
 * connected again with one that was kept back. Real sockets; alone in its program, because it uses up the table.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "drivers/modbus/reserve.h"
#include "tests/drivers/rig.h"
#include "tests/drivers/text.h"

#define TABLE 128

static int hogs[TABLE + RESERVE_FDS], n_hogs;

/* A crowd of clients: takes whatever is free, again and again. */
static void take_all(void)
{
	int fd;

	while (n_hogs < TABLE && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		hogs[n_hogs++] = fd;
	assert_int_equal(errno, EMFILE);
}

static void give_all_back(void)
{
	while (n_hogs)
		close(hogs[--n_hogs]);
}

static void make_the_table_small(void)
{
	struct rlimit limit = { TABLE, TABLE };

	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static const struct msg *link_of(struct rig *r, int *at, int64_t ms)
{
	return rig_next(r, at, MSG_LINK, "a", ms);
}

static void a_controller_is_reconnected_when_all_descriptors_are_used(void **state)
{
	const char *const world[] = { "a=microscope@127.0.0.1:0" };
	struct lt_profile *plc = profile_shipped("generic-plc");
	struct poll_target t;
	struct rig r;
	int at = 0;

	rig_start(&r, world, 1);
	t = rig_target(&r, 0, plc);
	t.poll_ms = 500;
	rig_poll(&r, &t, 1);
	make_the_table_small();
	assert_non_null(rig_next(&r, &at, MSG_READING, "a", 3000));
	for (int i = 0; i < 5; i++) {
		take_all();
		close(hogs[--n_hogs]); /* for the command */
		rig_ctl(&r, "drop a");
		take_all();
		at = r.n_messages;
		rig_run(&r, 100); /* the connection ends */
		take_all();
		assert_non_null(rig_next(&r, &at, MSG_READING, "a", 5000));
	}
	at = 0;
	assert_non_null(link_of(&r, &at, 0));
	assert_null(link_of(&r, &at, 0)); /* up at the start, and never told down */
	give_all_back();
	rig_stop(&r);
	lt_profile_free(plc);
}

static void the_reserve_is_filled_by_whoever_closes(void **state)
{
	struct reserve r;
	int fd[RESERVE_FDS + 1];

	make_the_table_small();
	reserve_init(&r);
	take_all();
	for (int i = 0; i < RESERVE_FDS; i++) {
		fd[i] = reserve_socket(&r, AF_INET);
		assert_true(fd[i] >= 0);
	}
	assert_int_equal(reserve_socket(&r, AF_INET), -1);
	assert_int_equal(errno, EMFILE);
	close(fd[0]);
	reserve_fill(&r);
	assert_int_equal(open("/dev/null", O_RDONLY | O_CLOEXEC), -1); /* nobody else got it */
	fd[0] = reserve_socket(&r, AF_INET);
	assert_true(fd[0] >= 0);
	for (int i = 0; i < RESERVE_FDS; i++)
		close(fd[i]);
	give_all_back();
	reserve_deinit(&r);
}

/* The crowd has gone, and no connection to a controller has been closed since: the next crowd finds it filled. */
static void the_reserve_is_filled_when_descriptors_are_free_again(void **state)
{
	struct reserve r;
	int fd[RESERVE_FDS + 1];

	make_the_table_small();
	reserve_init(&r);
	take_all();
	for (int i = 0; i < RESERVE_FDS; i++)
		assert_true((fd[i] = reserve_socket(&r, AF_INET)) >= 0);
	give_all_back();
	fd[RESERVE_FDS] = reserve_socket(&r, AF_INET);
	assert_true(fd[RESERVE_FDS] >= 0);
	take_all();
	for (int i = 0; i < RESERVE_FDS; i++) {
		int got = reserve_socket(&r, AF_INET);
		assert_true(got >= 0);
		hogs[n_hogs++] = got;
	}
	assert_int_equal(reserve_socket(&r, AF_INET), -1);
	for (int i = 0; i <= RESERVE_FDS; i++)
		close(fd[i]);
	give_all_back();
	reserve_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_controller_is_reconnected_when_all_descriptors_are_used),
		cmocka_unit_test(the_reserve_is_filled_by_whoever_closes),
		cmocka_unit_test(the_reserve_is_filled_when_descriptors_are_free_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
