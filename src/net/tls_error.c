#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_private.h"

static void explain_certificate(const struct tls_wire *w, char *out)
{
	char text[TLS_PIN_TEXT_MAX];
	long verified = SSL_get_verify_result(w->ssl);
	const char *host = w->host;
	tls_pin_text(w->pin, text);
	switch (verified) {
	case X509_V_ERR_APPLICATION_VERIFICATION:
		snprintf(out, TLS_ERROR_MAX,
			"the certificate of %s has another key than the pin says: if it was "
			"renewed there, give --pin %s",
			host, text);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(out, TLS_ERROR_MAX,
			"the certificate of %s is for another name: use the name it was made for, "
			"or give --pin %s",
			host, text);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(out, TLS_ERROR_MAX,
			"the certificate of %s is not valid today (%s): look at this machine's "
			"clock, or have it renewed there",
			host, X509_verify_cert_error_string(verified));
		break;
	default:
		snprintf(out, TLS_ERROR_MAX,
			"the certificate of %s is not trusted (%s): give --ca-file FILE, or --pin "
			"%s",
			host, X509_verify_cert_error_string(verified), text);
	}
}

static bool is_reason(unsigned long code, int reason)
{
	return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == reason;
}

void tls_explain(const struct tls_wire *w, char out[TLS_ERROR_MAX])
{
	unsigned long code = ERR_peek_error();
	const char *who = w->host ? w->host : "the peer";
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	if (is_reason(code, SSL_R_CERTIFICATE_VERIFY_FAILED))
		explain_certificate(w, out);
	else if (code == 0 || is_reason(code, SSL_R_UNEXPECTED_EOF_WHILE_READING))
		snprintf(out, TLS_ERROR_MAX, "%s has closed the connection %s", who,
			w->shaken ? "without ending TLS" : "in the TLS handshake");
	else if (is_reason(code, SSL_R_HTTP_REQUEST))
		snprintf(out, TLS_ERROR_MAX, "%s speaks HTTP where TLS is expected", who);
	else if (is_reason(code, SSL_R_WRONG_VERSION_NUMBER))
		snprintf(out, TLS_ERROR_MAX,
			"%s does not speak TLS 1.2 or later here: is it the right port?", who);
	else
		snprintf(out, TLS_ERROR_MAX, "TLS with %s failed: %s", who,
			reason ? reason : "unknown reason");
}
