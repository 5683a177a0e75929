/* money.c - amounts as text, and how many decimals a currency has. Owns nothing. */
#include "common/money.h"

#include <string.h>

#include "common/fmt.h"

/* ISO 4217 by number of decimals; funds, metals and test codes are left out. */
static const struct { int exponent; const char *codes; } currencies[] = {
	{ 0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF" },
	{ 2, "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
	     "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
	     "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
	     "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
	     "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS "
	     "VED VES WST XCD XCG YER ZAR ZMW ZWG" },
	{ 3, "BHD IQD JOD KWD LYD OMR TND" },
	{ 4, "CLF UYW" },
};

int lt_currency_exponent(const char *code)
{
	if (strlen(code) != 3)
		return -1;
	for (size_t i = 0; i < sizeof(currencies) / sizeof(currencies[0]); i++)
		for (const char *p = currencies[i].codes;; p += 4) {
			if (memcmp(p, code, 3) == 0)
				return currencies[i].exponent;
			if (p[3] == '\0')
				break;
		}
	return -1;
}

static uint64_t power10(int exponent)
{
	uint64_t p = 1;

	while (exponent-- > 0)
		p *= 10;
	return p;
}

void lt_money_text(char *dst, size_t cap, int64_t minor, int exponent)
{
	uint64_t abs = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor, unit = power10(exponent), rest = abs % unit;
	char fraction[24];

	if (exponent == 0) {
		lt_fmt(dst, cap, "%lld", (long long)minor);
		return;
	}
	for (int i = exponent; i-- > 0; rest /= 10)
		fraction[i] = (char)('0' + rest % 10);
	lt_fmt(dst, cap, "%s%llu.%.*s", minor < 0 ? "-" : "", (unsigned long long)(abs / unit), exponent, fraction);
}

bool lt_money_parse(const char *s, int exponent, int64_t *ret_minor)
{
	bool neg = *s == '-';
	int64_t v = 0;
	int decimals = -1; /* -1: before the point */

	if (neg)
		s++;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s; s++) {
		if (*s == '.' && decimals < 0 && exponent > 0 && s[1]) {
			decimals = 0;
			continue;
		}
		if (*s < '0' || *s > '9' || (decimals >= 0 && ++decimals > exponent))
			return false;
		v = v * 10 + (*s - '0');
		if (v > LT_MONEY_MAX)
			return false;
	}
	for (int i = decimals < 0 ? 0 : decimals; i < exponent; i++) {
		v *= 10;
		if (v > LT_MONEY_MAX)
			return false;
	}
	*ret_minor = neg ? -v : v;
	return true;
}
