package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// servingPort is where a kubelet listens.
const servingPort = 10250

// Serving secures the endpoint that the API server asks for logs and streams.
type Serving struct {
	Certificate tls.Certificate
	// Clients signs the certificates of those who may ask: the API server.
	Clients *x509.CertPool
}

// serve answers for all nodes at once: they differ only in their address.
func (a *Agent) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", a.serveLogs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", a.serveExec)
	mux.HandleFunc("/portForward/{namespace}/{pod}", a.servePortForward)
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(servingPort)))
	if err != nil {
		return fmt.Errorf("serve logs: %w", err)
	}
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{a.Serving.Certificate},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    a.Serving.Clients,
			NextProtos:   []string{"http/1.1"}, // streams are upgrades, which HTTP/2 does not have
		},
	}
	go func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			a.Log.Error("node endpoint ended", "error", err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

// container finds the container that a request speaks of.
func (a *Agent) container(r *http.Request) (*container, error) {
	p, err := a.find(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		return nil, err
	}
	return p.container(r.PathValue("container"))
}

// container finds a container by name; an empty name is the first.
func (p *pod) container(name string) (*container, error) {
	for _, list := range [][]*container{p.main, p.init} {
		for _, c := range list {
			if name == "" || c.spec.Name == name {
				return c, nil
			}
		}
	}
	return nil, fmt.Errorf("container %q not found in pod %s/%s", name, p.namespace, p.name)
}
