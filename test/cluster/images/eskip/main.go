// Command eskip has Skipper follow HTTPRoutes, which Skipper itself does not: it writes those of one Gateway
// into a file of Skipper's own language, eskip, and answers for them in their status. It knows as much of the
// Gateway API as the scenarios of mirrors need, and refuses a route that asks for more. Its image is
// holdfast.test/eskip with any tag.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
)

// every is how often the objects are looked at.
const every = 250 * time.Millisecond

func main() {
	w := world{}
	flag.StringVar(&w.class, "class", "skipper", "GatewayClass to answer for")
	flag.StringVar(&w.file, "file", "/routes/routes.eskip", "file that Skipper watches")
	flag.StringVar(&w.skipper, "skipper", "http://127.0.0.1:9911/routes", "where Skipper says which routes it has")
	flag.Parse()
	if err := run(w); err != nil {
		fmt.Fprintln(os.Stderr, "eskip:", err)
		os.Exit(1)
	}
}

// run follows the objects until SIGTERM.
func run(w world) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	credentials, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("read in-cluster credentials: %w", err)
	}
	credentials.QPS = -1 // it paces itself
	if w.client, err = client.New(credentials, client.Options{}); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	w.secret = rand.Text()
	said := ""
	for ctx.Err() == nil {
		problem := ""
		if err := w.follow(ctx); err != nil && !errors.Is(err, context.Canceled) {
			problem = err.Error()
		}
		if problem != said && problem != "" {
			fmt.Println("eskip:", problem)
		}
		said = problem
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	return nil
}
