package gates

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/outbound/transport"
	"holdfast.dev/holdfast/internal/plaintext"
)

const (
	// maxRead is how much of an answer is read, in bytes, and maxShown how much of it people are shown.
	maxRead  = 4 << 10
	maxShown = 120
)

// client asks one URL.
type client struct {
	settings Settings
	clock    clock.PassiveClock
	pause    time.Duration // before the first retry; twice as long before each further one
}

// firstPause is that of a client.
const firstPause = time.Second

// reply is what one request came to.
type reply struct {
	said    v1alpha1.HookAnswer
	message string
	again   bool // another request may come to something else
}

// ask puts a question of a namespace, again if there is no answer and the hook says so.
func (c client) ask(ctx context.Context, namespace string, q lifecycle.HookQuestion, body []byte) lifecycle.HookReply {
	var r reply
	pause := c.pause
	for try := int32(0); ; try++ {
		r = c.request(ctx, namespace, q.Hook, body)
		if !r.again || q.Hook.Retries == nil || try >= min(*q.Hook.Retries, v1alpha1.MaxHookRetries) || ctx.Err() != nil {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
		pause *= 2
	}
	return lifecycle.HookReply{About: q.About, At: c.clock.Now(), Said: r.said, Message: r.message}
}

// request sends one request. Each has connections of its own: hooks of two tenants share none.
func (c client) request(ctx context.Context, namespace string, h v1alpha1.Hook, body []byte) reply {
	timeout := timeoutOf(h)
	target := outbound.Target{URL: h.URL, AllowAddresses: c.settings.AllowAddresses, DenyAddresses: c.settings.DenyAddresses}
	if strings.HasPrefix(h.URL, "https:") {
		target.TLS.CAFile = c.settings.CAFile
	}
	rt, err := transport.New(target, timeout, 1)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "hooks cannot be asked")
		return reply{said: v1alpha1.HookNone, message: "the file of --hook-ca-file cannot be used; the log of Holdfast says why"}
	}
	if idle, ok := rt.(interface{ CloseIdleConnections() }); ok {
		defer idle.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return reply{said: v1alpha1.HookNone, message: "its url cannot be asked"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "holdfast")
	if file := c.settings.Credentials.FileFor(h.URL, namespace); file != "" {
		credential, err := transport.ReadCredential(file)
		if err != nil { // without it the answer would be about who Holdfast is, and not about the canary
			ctrl.LoggerFrom(ctx).Error(err, "a hook is not asked without its credential")
			return reply{said: v1alpha1.HookNone, message: "the credential for its host cannot be read (--hook-credentials); the log of Holdfast says why"}
		}
		req.Header.Set("Authorization", credential)
	}
	resp, err := (&http.Client{Transport: rt, CheckRedirect: transport.NoRedirects}).Do(req)
	if err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("no answer of a hook", "hook", h.Name, "why", err.Error())
		return reply{said: v1alpha1.HookNone, message: noAnswer(err, timeout), again: true}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRead)) // the status is the answer, whatever becomes of the rest
	return read(resp.StatusCode, text)
}

func timeoutOf(h v1alpha1.Hook) time.Duration {
	if h.Timeout == nil {
		return 10 * time.Second
	}
	return min(max(h.Timeout.Duration, v1alpha1.MinHookTimeout), v1alpha1.MaxHookTimeout)
}

// read says what an answer means. A proxy whose server is away, and a server that is busy, know nothing of
// the canary.
func read(code int, text []byte) reply {
	r := reply{message: fmt.Sprintf("%d %s", code, http.StatusText(code))}
	if words := plaintext.Line(string(bytes.TrimSpace(text)), maxShown); words != "" {
		r.message += ": " + words
	}
	switch {
	case code >= 200 && code < 300:
		r.said = v1alpha1.HookYes
	case code >= 300 && code < 400:
		r.said, r.message = v1alpha1.HookNone, fmt.Sprintf("%d %s: it sends on to elsewhere, where Holdfast does not go; name that URL", code, http.StatusText(code))
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		r.said, r.again = v1alpha1.HookNone, true
	default:
		r.said, r.again = v1alpha1.HookNo, code >= 500
	}
	return r
}

// noAnswer says why there is none, in words of Holdfast's own: those of others would tell a tenant of the
// network, and of certificates.
func noAnswer(err error, timeout time.Duration) string {
	var refused *transport.RefusedError
	var notFound *net.DNSError
	var of *url.Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &of) && of.Timeout():
		return "no answer within " + lifecycle.Short(timeout)
	case errors.As(err, &notFound):
		return "its host is not found"
	case errors.As(err, &untrusted):
		return "its certificate is not trusted, or is for another name (--hook-ca-file)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection was cut"
	case errors.Is(err, context.Canceled):
		return "it was not waited for"
	}
	return "no answer of HTTP; the log of Holdfast says why"
}
