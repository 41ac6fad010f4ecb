package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/outbound/transport"
)

// sender sends messages to one receiver, one at a time.
type sender struct {
	notifier *Notifier
	print    string

	mu sync.Mutex
	// client is for the target of this URL, which a file may have changed.
	client *http.Client
	url    string
	// threads are the messages of Slack that began what is told of a run.
	threads threads
}

// newSender fails where a file of the TLS settings cannot be read.
func newSender(n *Notifier) (*sender, error) {
	s := &sender{notifier: n, print: fingerprint(n), threads: newThreads()}
	target, err := s.target()
	if errors.Is(err, transport.ErrCredential) { // it may come later
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = s.clientOf(target)
	return s, err
}

func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
}

// target is where the messages go at present.
func (s *sender) target() (outbound.Target, error) {
	n := s.notifier
	switch {
	case n.Slack != nil && n.Slack.TokenFile != "":
		return outbound.Target{URL: n.Slack.URL + "/chat.postMessage", Auth: outbound.Auth{BearerTokenFile: n.Slack.TokenFile}}, nil
	case n.Slack != nil:
		address, err := urlIn(n.Slack.WebhookFile)
		return outbound.Target{URL: address}, err
	case n.Webhook != nil:
		target := n.Webhook.Target
		if n.Webhook.URLFile == "" {
			return target, nil
		}
		var err error
		target.URL, err = urlIn(n.Webhook.URLFile)
		return target, err
	default:
		target := n.Alertmanager.Target
		target.URL = strings.TrimSuffix(target.URL, "/") + "/api/v2/alerts"
		return target, nil
	}
}

// urlIn reads a URL from a file. The error does not have it.
func urlIn(name string) (string, error) {
	text, err := transport.ReadCredential(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", transport.ErrCredential, err)
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return "", fmt.Errorf("%w: %s has no URL with http or https", transport.ErrCredential, name)
	}
	return text, nil
}

// clientOf is the client for a target, made anew where it is elsewhere now.
func (s *sender) clientOf(target outbound.Target) (*http.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil && s.url == target.URL {
		return s.client, nil
	}
	rt, err := transport.New(target, s.notifier.Timeout.Duration, 1)
	if err != nil {
		return nil, err
	}
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	s.client = &http.Client{Transport: rt, CheckRedirect: transport.NoRedirects, Timeout: s.notifier.Timeout.Duration}
	s.url = target.URL
	return s.client, nil
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 16 << 10

// send sends a message. The error is a *rejection where the receiver has answered.
func (s *sender) send(ctx context.Context, m Message) error {
	target, err := s.target()
	if err != nil {
		return err
	}
	client, err := s.clientOf(target)
	if err != nil {
		return err
	}
	contentType, body, err := s.body(m)
	if err != nil { // a template that fails on this message and did not on the sample
		return &rejection{status: "nothing, for it was not asked", says: err.Error(), isFinal: true}
	}
	ctx, cancel := context.WithTimeout(ctx, s.notifier.Timeout.Duration)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "holdfast")
	resp, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return withoutURL(err)
	}
	return s.read(m, resp, answer)
}

// withoutURL leaves out of an error where the request went: that may be a secret.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func (s *sender) body(m Message) (contentType string, body []byte, err error) {
	n := s.notifier
	contentType = "application/json"
	switch {
	case n.Slack != nil && n.Slack.TokenFile != "":
		contentType = "application/json; charset=utf-8"
		body, err = slackBody(m, n.Slack.Channel, s.threads.find(m))
	case n.Slack != nil:
		body, err = slackBody(m, "", "")
	case n.Webhook != nil:
		contentType = n.Webhook.ContentType
		body, err = n.Webhook.render(m)
	default:
		body, err = n.Alertmanager.alertBody(m)
	}
	return contentType, body, err
}
