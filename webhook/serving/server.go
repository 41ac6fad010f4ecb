// Package serving stops a webhook server without failing a request.
//
// API servers keep their connections (HTTP/1.1) and send the next request on one
// that was used before. A server that closes it at that moment fails the request,
// and where the webhook fails open the update passes without a canary. So a
// server that is told to stop goes on answering for a while, and says with each
// answer that the connection ends with it; what is closed in the end was used by
// nobody.
//
// And it answers no more at once than there is memory for (see Limiter), so that it
// does not stop by itself.
package serving

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"holdfast.dev/holdfast/internal/clientcert"
)

// Farewell is how long Holdfast goes on answering after it was told to stop:
// longer than it takes a failing readiness probe to reach the API servers, and
// with the sleep before its end less than the 30 s that a pod has to end.
const Farewell = 4 * time.Second

// Server is a webhook server that takes leave of its clients before it stops.
type Server struct {
	webhook.Server
	// Farewell is how long it goes on answering after it was told to stop.
	Farewell time.Duration
	// Clients, if there are any, are who may call; nil is everybody.
	Clients *clientcert.Clients
	// Limiter is that of all requests; there must be one.
	Limiter *Limiter
	leaving atomic.Bool
	running sync.WaitGroup
}

// Register serves a hook at a path.
func (s *Server) Register(path string, hook http.Handler) {
	hook = s.Limiter.Serve(hook)
	if s.Clients != nil {
		hook = s.Clients.Only("--client-ca-file", hook)
	}
	s.Server.Register(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		hook.ServeHTTP(w, r)
	}))
}

// Start serves until ctx has ended and the farewell is over.
func (s *Server) Start(ctx context.Context) error {
	s.running.Add(1)
	defer s.running.Done()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		s.leaving.Store(true)
		time.AfterFunc(s.Farewell, stop)
	})()
	return s.Server.Start(serving)
}

// Wait returns when the server has ended. A manager that has lost its lease does
// not wait for what it runs, and a process that then ends fails the requests that
// it is answering.
func (s *Server) Wait() { s.running.Wait() }
