package promql

import (
	"errors"
	"io"
	"net/http"
)

// errTooLarge is for a response beyond the limit. It is no answer: half a list
// of series could hide the bad ones.
var errTooLarge = errors.New("the response is too large; let the query aggregate its series")

// limited ends bodies that are longer than the limit with errTooLarge.
type limited struct {
	next  http.RoundTripper
	limit int64
}

// RoundTrip implements http.RoundTripper.
func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: l.limit}
	return resp, nil
}

// CloseIdleConnections lets go of what waits for a next request.
func (l *limited) CloseIdleConnections() {
	(&http.Client{Transport: l.next}).CloseIdleConnections()
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
