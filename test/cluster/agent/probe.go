package agent

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// probeTransport asks a container over HTTP: its certificate is not verified, and every probe is a
// connection of its own.
var probeTransport = &http.Transport{
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	DisableKeepAlives: true,
	Proxy:             nil,
}

// attempt does once what a probe or hook asks. The error says, in the kubelet's words, what was not well.
func attempt(ctx context.Context, c *container, process *jail.Process, handler v1.ProbeHandler) error {
	host := c.pod.address()
	switch {
	case handler.Exec != nil:
		return attemptExec(ctx, process, handler.Exec.Command)
	case handler.HTTPGet != nil:
		return attemptHTTP(ctx, host, c.spec, handler.HTTPGet)
	case handler.TCPSocket != nil:
		port, err := portNumber(c.spec, handler.TCPSocket.Port)
		if err != nil {
			return err
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(cmp.Or(handler.TCPSocket.Host, host), port))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return errors.New("the test cluster knows only exec, httpGet and tcpSocket")
}

func attemptExec(ctx context.Context, process *jail.Process, command []string) error {
	var output bytes.Buffer
	code, err := process.Exec(ctx, command, nil, &output, &output)
	if err == nil && code != 0 {
		err = errors.New(strings.TrimSpace(output.String()))
	}
	return err
}

func attemptHTTP(ctx context.Context, host string, spec v1.Container, get *v1.HTTPGetAction) error {
	port, err := portNumber(spec, get.Port)
	if err != nil {
		return err
	}
	scheme := strings.ToLower(string(cmp.Or(get.Scheme, v1.URISchemeHTTP)))
	url := scheme + "://" + net.JoinHostPort(cmp.Or(get.Host, host), port) + "/" + strings.TrimPrefix(get.Path, "/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/holdfast-test")
	for _, header := range get.HTTPHeaders {
		if strings.EqualFold(header.Name, "Host") {
			request.Host = header.Value
		}
		request.Header.Add(header.Name, header.Value)
	}
	response, err := probeTransport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("Get %q: %w", url, err) //nolint:staticcheck // the kubelet's words
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("HTTP probe failed with statuscode: %d", response.StatusCode)
	}
	return nil
}

// portNumber looks a named port up among the container's.
func portNumber(spec v1.Container, port intstr.IntOrString) (string, error) {
	if port.Type == intstr.Int {
		return strconv.Itoa(port.IntValue()), nil
	}
	for _, p := range spec.Ports {
		if p.Name == port.StrVal {
			return strconv.Itoa(int(p.ContainerPort)), nil
		}
	}
	if _, err := strconv.Atoi(port.StrVal); err == nil {
		return port.StrVal, nil
	}
	return "", fmt.Errorf("couldn't find port %q in container %s", port.StrVal, spec.Name)
}

func (p *pod) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ip
}
