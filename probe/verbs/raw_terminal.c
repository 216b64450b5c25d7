/* SPDX-License-Identifier: MIT */
#include "probe/verbs/raw_terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static volatile sig_atomic_t is_raw;

bool raw_terminal_is_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

void raw_terminal_size(uint16_t *cols, uint16_t *rows)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	*cols = size.ws_col > 0 ? size.ws_col : 80;
	*rows = size.ws_row > 0 ? size.ws_row : 24;
}

void raw_terminal_restore(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void raw_terminal_enter(void)
{
	static bool is_registered;
	struct termios raw;

	if (is_raw || tcgetattr(STDIN_FILENO, &before) != 0)
		return;
	if (!is_registered)
		atexit(raw_terminal_restore);
	is_registered = true;
	raw = before;
	cfmakeraw(&raw);
	is_raw = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

size_t escapes_filter(struct escapes *e, char *bytes, size_t len, bool *leave)
{
	size_t n = 0;

	if (e->has_tilde) {
		/* There is room for one byte more: put the tilde that was held back first. */
		memmove(bytes + 1, bytes, len);
		bytes[0] = '~';
		len++;
	}
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		bool starts_line = !e->in_line && c == '~';

		if (starts_line && i + 1 == len) {
			e->has_tilde = true;
			return n;
		}
		if (starts_line && bytes[i + 1] == '.') {
			*leave = true;
			return n;
		}
		if (starts_line && bytes[i + 1] == '~')
			i++;
		e->has_tilde = false;
		e->in_line = c != '\r' && c != '\n';
		bytes[n++] = c;
	}
	return n;
}
