/* login.h - what login shares with the interrupt handler. */
#ifndef CLIENT_LOGIN_H
#define CLIENT_LOGIN_H

struct termios;

/* The terminal's settings to restore at Ctrl-C; NULL: none. */
void interrupt_echo(const struct termios *t);

#endif
