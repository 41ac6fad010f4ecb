package promql

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ask sends one query and reads what comes back. It is never sent a second
// time, but for a server that takes no POST.
func (c *Client) ask(ctx context.Context, path string, form url.Values) (reply, error) {
	form.Set("timeout", c.serverTimeout(ctx))
	for name, value := range c.endpoint.Arguments {
		form.Set(name, value)
	}
	status, body, err := c.send(ctx, http.MethodPost, path, form)
	if err == nil && (status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented) {
		status, body, err = c.send(ctx, http.MethodGet, path, form)
	}
	if err != nil {
		return reply{}, err
	}
	return read(status, body)
}

// serverTimeout is nine tenths of what is left: a server that can say in time
// that a query takes too long is not one that does not answer.
func (c *Client) serverTimeout(ctx context.Context) string {
	left := c.endpoint.Limits.Timeout.Duration
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	left = max(left-left/10, time.Millisecond).Truncate(time.Millisecond)
	return strconv.FormatFloat(left.Seconds(), 'f', -1, 64)
}

func (c *Client) send(ctx context.Context, method, path string, form url.Values) (status int, body []byte, err error) {
	target := strings.TrimRight(c.endpoint.URL, "/") + path
	var content io.Reader
	if method == http.MethodGet {
		target += "?" + form.Encode()
	} else {
		content = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return 0, nil, err
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		// A query changes nothing, so the transport may send it again on a
		// connection that the server closed just now. An empty list sends no header.
		req.Header["Idempotency-Key"] = nil
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "holdfast")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		if ctx.Err() == nil && kindOf(err) == kindUnreachable { // it ends in the middle
			err = fmt.Errorf("%w: %w", &serverError{kindBadResponse, ofBody(err)}, err)
		}
		return 0, nil, err
	}
	return resp.StatusCode, body, nil
}

// read takes what was sent for an answer only where status, body and each
// other agree.
func read(status int, body []byte) (reply, error) {
	var r reply
	answers := status == http.StatusOK || status == http.StatusBadRequest || status == http.StatusUnprocessableEntity || status == http.StatusServiceUnavailable
	if decodeErr := json.Unmarshal(body, &r); answers && decodeErr == nil && r.Status == "error" {
		return r.fit(), &serverError{kindOfServer(r.ErrorType), r.says()}
	} else if status == http.StatusOK && decodeErr != nil {
		return reply{}, &serverError{kindBadResponse, unreadable(decodeErr)}
	}
	switch {
	case status == http.StatusOK && r.Status == "success":
		return r.fit(), nil
	case status == http.StatusOK:
		return reply{}, &serverError{kindBadResponse, "it says neither success nor error"}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return reply{}, &serverError{kindRefused, statusText(status)}
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return reply{}, &serverError{kindServer, statusText(status)}
	case status >= http.StatusBadRequest:
		return reply{}, &serverError{kindBadQuery, statusText(status)}
	case status >= http.StatusMultipleChoices:
		return reply{}, &serverError{kindBadResponse, fmt.Sprintf("it is a redirect (%d), which is not followed", status)}
	default:
		return reply{}, &serverError{kindBadResponse, fmt.Sprintf("it has the HTTP status %d", status)}
	}
}

// statusText leaves out what else the server says: it may be any page of any
// server, and messages are shown to tenants.
func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", status, http.StatusText(status)))
}

func kindOfServer(kind string) string {
	switch kind {
	case "bad_data", "execution", "not_found", "not_acceptable", "400", "422": // the numbers are VictoriaMetrics's
		return kindBadQuery
	case "timeout", "canceled":
		return kindTimeout
	default:
		return kindServer
	}
}

func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}
