package promql

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	"holdfast.dev/holdfast/internal/outbound/transport"
)

// sentence says to tenants what went wrong, in words that are Holdfast's own: the
// errors of the network name addresses, those of certificates name hosts, those
// of HTTP repeat what some server said, and files are the administrator's. The
// only words of another are those that read has cut out of an answer. The whole
// error goes to the log, see errorLog.
func sentence(err error) string {
	var ours *serverError
	var refused *transport.RefusedError
	switch {
	case errors.As(err, &ours):
		return ours.says
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error()
	case errors.Is(err, transport.ErrCredential):
		return transport.ErrCredential.Error()
	case errors.As(err, &refused):
		return refused.Error()
	}
	return cmp.Or(ofConnection(err), ofTLS(err), "what answers does not speak HTTP as it should")
}

// ofConnection is for connections that cannot be made, or end; "" for other errors.
func ofConnection(err error) string {
	switch {
	case errors.As(err, new(*net.DNSError)):
		return "its name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to it"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	}
	return ""
}

// ofTLS is for both sides' objections to the other.
func ofTLS(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(x509.HostnameError)):
		return "its certificate is for another name"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "its certificate is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return "its certificate is not valid"
	case errors.As(err, new(tls.AlertError)):
		return "it ended the TLS handshake"
	case errors.As(err, new(tls.RecordHeaderError)), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	}
	return ""
}

// ofBody says why an answer that has begun is none.
func ofBody(err error) string {
	if ofConnection(err) != "" {
		return "it ends in the middle"
	}
	return "it is not sent as HTTP has it"
}
