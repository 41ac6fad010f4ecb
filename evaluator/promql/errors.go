package promql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"holdfast.dev/holdfast/internal/outbound/transport"
)

// Kinds of errors, the values of the label kind.
const (
	kindTimeout     = "timeout"
	kindUnreachable = "unreachable"
	kindBadQuery    = "bad_query"
	kindRefused     = "refused"
	kindServer      = "server"
	kindBadResponse = "bad_response"
	kindTooLarge    = "too_large"
	kindOpen        = "breaker_open"
	kindNone        = "not_configured"
)

var kinds = []string{
	kindTimeout, kindUnreachable, kindBadQuery, kindRefused, kindServer, kindBadResponse, kindTooLarge, kindOpen, kindNone,
}

var (
	// errNone is for queries without a Prometheus to ask.
	errNone = errors.New("no Prometheus is configured; start Holdfast with --prometheus-url, or define endpoint \"default\" in the file of --prometheus-endpoints")
	// errQueue is for queries that got no slot.
	errQueue = fmt.Errorf("too many queries at once: %w", context.DeadlineExceeded)
)

// serverError is an answer that is none.
type serverError struct {
	kind string
	// says is what the server said, or what it should have said.
	says string
}

func (e *serverError) Error() string { return e.says }

func kindOf(err error) string {
	var fromServer *serverError
	var network net.Error
	switch {
	case errors.Is(err, errNone):
		return kindNone
	case errors.Is(err, errTooLarge):
		return kindTooLarge
	case errors.As(err, new(*openError)):
		return kindOpen
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return kindTimeout
	case errors.As(err, &fromServer):
		return fromServer.kind
	case errors.Is(err, transport.ErrCredential):
		return kindRefused
	default:
		return kindUnreachable
	}
}

// countsAgainst says whether an error is one of the server's own health, and not
// of what it was asked: one slow query must not keep it from the others.
func countsAgainst(err error) bool {
	switch kindOf(err) {
	case kindTimeout:
		return !errors.As(err, new(*serverError)) // it said so itself
	case kindUnreachable, kindServer, kindBadResponse:
		return true
	}
	return false
}

// message is what stands in a measurement, which tenants read.
func message(kind, endpoint string, err error, timeout time.Duration) string {
	who := "Prometheus"
	if endpoint != "default" {
		who = fmt.Sprintf("Prometheus %q", endpoint)
	}
	switch kind {
	case kindNone:
		return err.Error()
	case kindOpen:
		return fmt.Sprintf("%s %s", who, err)
	case kindTimeout:
		if errors.Is(err, errQueue) {
			return fmt.Sprintf("%s was not asked within %s: too many queries at once", who, timeout)
		}
		return fmt.Sprintf("%s did not answer within %s", who, timeout)
	case kindBadResponse, kindTooLarge:
		return fmt.Sprintf("the answer of %s cannot be read: %s", who, sentence(err))
	case kindBadQuery, kindServer:
		return fmt.Sprintf("%s: %s", who, sentence(err))
	case kindRefused:
		return fmt.Sprintf("%s refused Holdfast: %s", who, sentence(err))
	default:
		return fmt.Sprintf("%s could not be asked: %s", who, sentence(err))
	}
}
