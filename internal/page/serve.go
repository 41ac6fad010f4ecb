package page

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// readTime is how long a request may take to come, idleTime how long a connection may be of no use.
	readTime = 10 * time.Second
	idleTime = 2 * time.Minute
	// maxHeader is how long the headers of a request may be, in bytes: tokens with many groups are long.
	maxHeader = 64 << 10
	// leaveTime is how long answers under way have when the process ends; streams end at once, and tabs come to
	// another replica.
	leaveTime = 5 * time.Second
)

// Server serves the page of a cluster by TLS. It is a manager.Runnable of every replica.
type Server struct {
	// Address is where it listens, such as ":9096".
	Address string
	// TLS has its certificate.
	TLS *tls.Config
	// Handler is the page.
	Handler http.Handler
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a Service sends to any replica.
func (s *Server) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (s *Server) Start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("listen for browsers: %w", err)
	}
	server := &http.Server{
		Handler: s.Handler, TLSConfig: s.TLS.Clone(), ReadTimeout: readTime, ReadHeaderTimeout: readTime, WriteTimeout: 2 * answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, "", "") }() // with HTTP/2: a browser has many streams on one connection
	select {
	case err := <-ended:
		return fmt.Errorf("serve the page: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	if err := server.Shutdown(last); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving the page: %w", err)
	}
	return server.Close()
}
