/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Read digits of `base` at *text and move *text past them. -EINVAL when there is none. */
static int digits(const char **text, unsigned int base, uint64_t max, uint64_t *value)
{
	const char *at = *text;
	uint64_t n = 0;
	int err = 0;

	for (; *at >= '0' && *at < (char)('0' + base); at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (n > (UINT64_MAX - digit) / base)
			err = -ERANGE;
		else
			n = n * base + digit;
	}
	if (at == *text)
		return -EINVAL;
	*text = at;
	*value = n;
	return err == 0 && n > max ? -ERANGE : err;
}

int number_parse(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t n;
	int err = digits(&text, 10, max, &n);

	if (*text != '\0')
		return -EINVAL;
	if (err == 0)
		*value = n;
	return err;
}

int number_parse_octal(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t n;
	int err = digits(&text, 8, max, &n);

	if (*text != '\0')
		return -EINVAL;
	if (err == 0)
		*value = n;
	return err;
}

int number_parse_size(const char *text, uint64_t max, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	uint64_t n;
	int err = digits(&text, 10, max, &n);
	unsigned int shift = 0;

	if (err == -EINVAL)
		return err;
	if (*text != '\0') {
		const char *s = strchr(suffixes, *text);

		if (s == NULL || text[1] != '\0')
			return -EINVAL;
		shift = 10 * (unsigned int)(s - suffixes + 1);
	}
	if (err != 0 || n > max >> shift)
		return -ERANGE;
	*bytes = n << shift;
	return 0;
}

/* Read up to three digits after the point, as thousandths; further digits are ignored. */
static int fraction(const char **text, uint64_t *thousandths)
{
	const char *at = *text;
	uint64_t scale = 100;

	*thousandths = 0;
	if (*at != '.')
		return 0;
	at++;
	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++, scale /= 10)
		*thousandths += (uint64_t)(*at - '0') * scale;
	*text = at;
	return 0;
}

int number_parse_span(const char *text, uint64_t max_ms, uint64_t *ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "min", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	uint64_t n, thousandths;
	int err = digits(&text, 10, UINT64_MAX, &n);

	if (err == -EINVAL || fraction(&text, &thousandths) != 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		uint64_t part = thousandths * units[i].ms / 1000;

		if (err != 0 || part > max_ms || n > (max_ms - part) / units[i].ms)
			return -ERANGE;
		*ms = n * units[i].ms + part;
		return 0;
	}
	return -EINVAL;
}
