/* SPDX-License-Identifier: MIT */
#include "base/real.h"

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BILLION     1000000000u
#define WORDS_MAX   88 /* the longest, 2^53 * 5^1074, has 767 digits */
#define DIGITS_MAX  (9 * WORDS_MAX)
#define LEAST_FIXED (-4) /* printf(3), %g: a smaller exponent is written as such */

/* A whole number of nine decimal digits a word, the lowest first. */
struct whole {
	uint32_t words[WORDS_MAX];
	size_t count;
};

/* The significant digits d.ddd... times ten to the power of `exponent`. */
struct decimal {
	char digits[DIGITS_MAX + 1];
	size_t count;
	int exponent;
};

static void multiply(struct whole *w, uint32_t by)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < w->count; i++) {
		carry += (uint64_t)w->words[i] * by;
		w->words[i] = (uint32_t)(carry % BILLION);
		carry /= BILLION;
	}
	if (carry > 0 && w->count < WORDS_MAX)
		w->words[w->count++] = (uint32_t)carry;
}

/* All digits of mantissa * 2^power: for a negative power that is mantissa * 5^-power / 10^-power.
 */
static void expand(uint64_t mantissa, int power, struct decimal *out)
{
	struct whole w = {
		{ (uint32_t)(mantissa % BILLION), (uint32_t)(mantissa / BILLION % BILLION) }, 2
	};
	struct buf b = BUF_OVER(out->digits);
	int tens = power < 0 ? power : 0;

	for (int n = power < 0 ? -power : power; n > 0; n--)
		multiply(&w, power < 0 ? 5 : 2);
	while (w.count > 1 && w.words[w.count - 1] == 0)
		w.count--;
	buf_clear(&b);
	for (size_t i = w.count; i-- > 0;)
		buf_printf(&b, b.len > 0 ? "%09u" : "%u", w.words[i]);
	out->count = b.len;
	out->exponent = (int)b.len - 1 + tens;
}

/* Round to `precision` digits, a half to the even one, and drop zeros at the end. */
static void round_to(struct decimal *d, size_t precision)
{
	size_t n = precision < d->count ? precision : d->count;
	const char *rest = d->digits + n;
	bool is_up = *rest > '5' || (*rest == '5' && (strspn(rest + 1, "0") < strlen(rest + 1) ||
							     (d->digits[n - 1] & 1) != 0));

	while (is_up && n > 0 && d->digits[n - 1] == '9')
		n--;
	if (is_up && n > 0)
		d->digits[n - 1]++;
	if (is_up && n == 0) {
		d->digits[n++] = '1';
		d->exponent++;
	}
	while (n > 1 && d->digits[n - 1] == '0')
		n--;
	d->count = n;
}

static void put(struct buf *b, const struct decimal *d, size_t precision)
{
	bool is_fixed = d->exponent >= LEAST_FIXED && d->exponent < (int)precision;
	int point = is_fixed ? d->exponent + 1 : 1; /* digits before the point */

	if (point <= 0)
		buf_puts(b, "0.");
	for (int i = point; i < 0; i++)
		buf_puts(b, "0");
	for (int i = 0; i < (int)d->count || i < point; i++)
		buf_printf(b, "%s%c", i == point && point > 0 ? "." : "",
			i < (int)d->count ? d->digits[i] : '0');
	if (!is_fixed)
		buf_printf(b, "e%c%02u", d->exponent < 0 ? '-' : '+',
			(unsigned int)(d->exponent < 0 ? -d->exponent : d->exponent));
}

size_t real_format(char *storage, size_t size, unsigned int precision, double value)
{
	struct decimal d = { .count = 0 };
	struct buf b;
	uint64_t bits, mantissa;
	int power;

	memcpy(&bits, &value, sizeof(bits));
	mantissa = bits & ((UINT64_C(1) << 52) - 1);
	power = (int)(bits >> 52 & 0x7ff);
	if (power > 0)
		mantissa |= UINT64_C(1) << 52;
	else
		power = 1;
	expand(mantissa, power - 1075, &d);
	if (mantissa == 0)
		d.exponent = 0;
	round_to(&d, precision);
	buf_init(&b, storage, size);
	if (bits >> 63 != 0)
		buf_puts(&b, "-");
	put(&b, &d, precision);
	return b.cut ? size : b.len;
}
