package probes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/outbound/transport"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/probe"
)

// DialFunc makes a connection, as net.Dialer does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// newClient asks probes. It goes where it is told and nowhere else: by no proxy, and
// after no redirect.
func newClient(dial DialFunc) *http.Client {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dial, DisableCompression: true, MaxIdleConnsPerHost: 1, MaxConnsPerHost: 2, MaxIdleConns: 1000,
			IdleConnTimeout: 40 * time.Second, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: transport.NoRedirects,
	}
}

// scrape reads a probe once.
func scrape(ctx context.Context, client *http.Client, address netip.Addr) ([]point, error) {
	at := url.URL{Scheme: "http", Host: net.JoinHostPort(address.String(), strconv.Itoa(int(probe.MetricsPort))), Path: "/metrics"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	req.Header.Set("User-Agent", "holdfast")
	resp, err := client.Do(req)
	if err != nil {
		return nil, wordsOf(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers /metrics with status %d", resp.StatusCode)
	}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
		return nil, fmt.Errorf("it answers /metrics with %q, which is no text of Prometheus", plaintext.Line(kind, 80))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, wordsOf(err)
	case len(body) > maxBody:
		return nil, fmt.Errorf("it shows more than %d bytes", maxBody)
	}
	points, err := safely(func() ([]point, error) { return parse(body) })
	if err != nil {
		return nil, errors.New(plaintext.Line(err.Error(), 200))
	}
	return points, nil
}

// safely makes a panic an error: what is read is whatever a tenant serves.
func safely[T any](do func() (T, error)) (out T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("what it shows cannot be read")
		}
	}()
	return do()
}

// wordsOf says what went wrong with a connection, without addresses of Holdfast's own.
func wordsOf(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("it did not answer in time")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nothing listens there")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it closed the connection without an answer")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return errors.New("there is no way to it")
	}
	return errors.New("its answer is none of HTTP, or was cut off")
}

// addressOf is where the probe of a pod is looked for: at the pod's own address, and
// never at one of a machine, whoever wrote that into the status of the pod.
func addressOf(ip, hostIP string) (netip.Addr, error) {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Addr{}, errors.New("the pod has no address yet")
	}
	if host, err := netip.ParseAddr(hostIP); err == nil && host.Unmap() == address.Unmap() {
		return netip.Addr{}, errors.New("the pod has the address of its node (hostNetwork), where no probe is looked for")
	}
	if err := new(outbound.Target).MayDial(address); err != nil {
		return netip.Addr{}, err
	}
	return address.WithZone("").Unmap(), nil
}
