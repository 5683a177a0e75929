/*
 * http_evhttp.c - the reference of bench_http.py: libevent's evhttp over TLS with TCP_NODELAY, answering in place.
 * http_evhttp DIRECTORY: uses its cert.pem and key.pem; same output as http_ours.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <openssl/ssl.h>

static long long requests;

static struct bufferevent *secure(struct event_base *base, void *ctx)
{
	return bufferevent_openssl_socket_new(base, -1, SSL_new(ctx), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

static void answer(struct evhttp_request *rq, void *arg)
{
	static const char body[] = "{\"id\":\"B-1042\",\"instrument\":\"krios-1\",\"state\":\"booked\",\"from\":\"2026-11-24T09:00:00+08:00\","
		"\"to\":\"2026-11-24T10:00:00+08:00\"}";
	struct evbuffer *b = evbuffer_new();

	(void)arg;
	evbuffer_add(b, body, sizeof(body) - 1);
	evhttp_add_header(evhttp_request_get_output_headers(rq), "Content-Type", "application/json");
	evhttp_add_header(evhttp_request_get_output_headers(rq), "Cache-Control", "no-store");
	evhttp_add_header(evhttp_request_get_output_headers(rq), "X-Content-Type-Options", "nosniff");
	evhttp_send_reply(rq, 200, "OK", b);
	evbuffer_free(b);
	requests++;
}

static void stop(evutil_socket_t signo, short what, void *base)
{
	(void)signo, (void)what;
	event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct evconnlistener *l;
	socklen_t size = sizeof(a);
	const int on = 1;
	char path[300];
	struct rusage u;

	if (argc != 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "%s/cert.pem", argv[1]);
	if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1)
		return 1;
	snprintf(path, sizeof(path), "%s/key.pem", argv[1]);
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
		return 1;
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	l = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024,
		(struct sockaddr *)&a, sizeof(a));
	if (!l)
		return 1;
	setsockopt(evconnlistener_get_fd(l), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&a, &size);
	evhttp_set_bevcb(http, secure, ctx);
	evhttp_set_gencb(http, answer, NULL);
	evhttp_bind_listener(http, l);
	event_add(evsignal_new(base, SIGTERM, stop, base), NULL);
	printf("tls %d\n", ntohs(a.sin_port));
	fflush(stdout);
	event_base_dispatch(base);
	getrusage(RUSAGE_SELF, &u);
	printf("cpu_us %lld requests %lld\n", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec +
		u.ru_stime.tv_usec, requests);
	return 0;
}
