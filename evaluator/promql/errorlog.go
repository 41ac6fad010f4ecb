package promql

import (
	"context"
	"errors"
	"net/url"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/internal/plaintext"
)

const (
	tellEvery = time.Minute // at most
	maxTold   = 1000        // bytes of an error
)

// errorLog decides which of a server's errors stand in the log: the first one, and
// the first of another kind, until the server answers; and no more than one line
// in tellEvery, as tenants choose how much is asked. It is pure, and not safe for
// use by several goroutines.
type errorLog struct {
	last string
	told time.Time
}

// begins says whether an error, of which tenants are told what, is to be logged.
func (t *errorLog) begins(now time.Time, what string) bool {
	if what == t.last || now.Sub(t.told) < tellEvery {
		return false
	}
	t.last, t.told = what, now
	return true
}

// ends is for an answer.
func (t *errorLog) ends() { t.last = "" }

// tell logs what tenants are not told of an error, for the administrator.
func (c *Client) tell(ctx context.Context, err error) {
	var sent *url.Error
	if errors.As(err, &sent) { // its URL has the query where that is sent by GET
		err = sent.Err
	}
	ctrl.LoggerFrom(ctx).Info("endpoint of Prometheus failed",
		"endpoint", c.endpoint.Name, "url", c.endpoint.URL, "why", plaintext.Line(err.Error(), maxTold))
}
