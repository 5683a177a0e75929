/*
 * test_http_input.c - sound requests, mutated at random (bytes, pieces, words of the grammar), a bounded number of
 * times. A seed is printed when a promise breaks: test_http_input SEED ROUNDS plays it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static uint64_t state;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % below);
}

static const char *const seeds[] = {
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /v1/bookings/B-1042?from=2026-11-24T09:00:00%2b08:00&limit=50 HTTP/1.1\r\nHost: lab.example:7620\r\nAccept: */*\r\n\r\n",
	("POST /v1/bookings HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer lt_user_abcd1234_x\r\nIdempotency-Key: k\r\n"
	"Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"),
	"PATCH /v1/instruments/%E6%98%BE HTTP/1.1\r\nHost: [::1]\r\nIf-Match: \"17\"\r\nConnection: "
	"close\r\nContent-Length: 0\r\n\r\n",
	"DELETE /v1/blocks/K-7 HTTP/1.0\r\n\r\n",
};

static const char *const words[] = {
	"\r\n", "\n", "\r", " ", "\t", ":", "/", "//", "/../", "/./", "%", "%00", "%2f", "%2e", "%41", "?", "#", "\"",
		"HTTP/1.1",
	"HTTP/1.0", "Host: b\r\n", "Content-Length: 5\r\n", "Content-Length: +5\r\n", "Transfer-Encoding: chunked\r\n",
	"Transfer-Encoding : chunked\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n", "Upgrade: h2c\r\n",
	"Authorization: Bearer \r\n", "If-Match: *\r\n", "Idempotency-Key: \r\n", "\r\n\r\n", " folded\r\n", "\xff", "\x7f",
	"X",
};

enum { CAP = 16384 };

static size_t splice(char *p, size_t n, size_t at, size_t drop, const char *w, size_t wn)
{
	if (drop > n - at)
		drop = n - at;
	if (n - drop + wn > CAP)
		return n;
	memmove(p + at + wn, p + at + drop, n - at - drop);
	memcpy(p + at, w, wn);
	return n - drop + wn;
}

static size_t mutate(char *p, size_t n)
{
	size_t at = any((uint32_t)n + 1), i;
	const char *w = words[any(sizeof(words) / sizeof(words[0]))];
	char byte = (char)any(256), run[512];

	switch (any(6)) {
	case 0:
		return splice(p, n, at, 1, &byte, 1);
	case 1:
		return splice(p, n, at, any(4), w, strlen(w));
	case 2:
		return splice(p, n, at, any(40), "", 0);
	case 3:
		return splice(p, n, at, 0, &byte, 1);
	case 4:
		for (i = 0; i < sizeof(run); i++)
			run[i] = 'a';
		return splice(p, n, at, 0, run, any(sizeof(run)));
	default:
		return splice(p, n, at, any(3), w, strlen(w));
	}
}

static int try_once(uint64_t seed)
{
	char p[CAP];
	const char *s;
	size_t n;
	uint32_t i, changes;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	s = seeds[any(sizeof(seeds) / sizeof(seeds[0]))];
	n = strlen(s);
	memcpy(p, s, n);
	changes = any(8);
	for (i = 0; i < changes; i++)
		n = mutate(p, n);
	return http_input((const uint8_t *)p, n);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, rounds = argc > 2 ? strtoull(argv[2], NULL,
		10) : 300000, i;
	uint64_t accepted = 0;

	/* Written before each block, so that an abort leaves the place behind. */
	for (i = 0; i < rounds; i++) {
		if (i % 10000 == 0) {
			printf("# seed %llu\n", (unsigned long long)(first + i));
			fflush(stdout);
		}
		accepted += (uint64_t)try_once(first + i);
	}
	/* A reader that accepts nothing, or everything, was not tested. */
	printf("1..1\n%s 1 - http input: %llu of %llu accepted\n", accepted > rounds / 50 && accepted < rounds * 9 / 10
		? "ok" : "not ok", (unsigned long long)accepted, (unsigned long long)rounds);
	return 0;
}
