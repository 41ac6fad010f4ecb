// Package local serves the page beside kubectl: for one person, on an address of their own machine, with the
// credentials of their kubeconfig.
package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/person"
)

// Options say what is served.
type Options struct {
	// Config reaches the API server as the person.
	Config *rest.Config
	// Namespace is the one whose runs are shown, "" for all.
	Namespace string
	// Port is where it is served on the loopback, 0 for any that is free.
	Port int
	// Open is called with the address when it is served.
	Open func(address string)
}

const loopback = "127.0.0.1"

// Serve serves the page until ctx ends.
func Serve(ctx context.Context, o Options) error {
	p, err := person.New(o.Config)
	if err != nil {
		return fmt.Errorf("reach the API server: %w", err)
	}
	board := page.NewBoard()
	follower, err := follow(ctx, o.Config, o.Namespace, board)
	if err != nil {
		return err
	}
	name, err := p.Name(ctx)
	if err != nil {
		name = "you" // an API server before 1.28, or one that does not say
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(loopback, fmt.Sprint(o.Port)))
	if err != nil {
		return fmt.Errorf("listen on %s:%d; choose another --port: %w", loopback, o.Port, err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	secret := newSecret()
	handler := page.Handler(page.Options{
		Door: door{sha256.Sum256([]byte(secret)), &page.Visitor{
			ID: name, Name: name, Person: p, Sees: func(context.Context, string) (bool, error) { return true, nil },
		}},
		Board: board, Clock: clock.RealClock{}, Local: true, Ready: follower.ready, Trouble: follower.trouble,
		Hosts: []string{fmt.Sprintf("%s:%d", loopback, port), fmt.Sprintf("localhost:%d", port)},
	})
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	follower.settle(ctx)
	if o.Open != nil {
		o.Open(fmt.Sprintf("http://%s:%d/#token=%s", loopback, port, secret))
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve the page: %w", err)
	case <-ctx.Done():
	}
	_ = server.Close() // streams have no end of their own
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("stop serving the page: %w", err)
	}
	return nil
}

// newSecret is what a browser must show: other programs and users of the machine reach the address as well.
func newSecret() string {
	var secret [24]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// door lets in who shows the secret.
type door struct {
	secret  [sha256.Size]byte
	visitor *page.Visitor
}

// Enter implements page.Door.
func (d door) Enter(_ context.Context, token string) (*page.Visitor, error) {
	shown := sha256.Sum256([]byte(token)) // of one length, whatever was shown
	if subtle.ConstantTimeCompare(d.secret[:], shown[:]) != 1 {
		return nil, errSecret
	}
	return d.visitor, nil
}

var errSecret = fmt.Errorf("%w: the address is that of a dashboard that has ended; open the one that kubectl holdfast dashboard printed last", page.ErrStranger)
