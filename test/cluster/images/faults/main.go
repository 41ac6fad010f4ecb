// Command faults stands in front of a Prometheus and spoils its answers, each in the way that the
// first part of the path says: slow, hanging, partial, cut off and more. Its image is
// holdfast.test/faults with any tag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":9099", "address to serve on")
	target := flag.String("prometheus", "http://10.0.0.1:9090", "the Prometheus whose answers are spoiled")
	flag.Parse()
	if err := serve(*listen, *target); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// serve runs the server until SIGTERM. What hangs then is cut off.
func serve(address, target string) error {
	prometheus, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("--prometheus: %w", err)
	}
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Addr: address, Handler: newHandler(prometheus), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	fmt.Printf("faults: serving on %s\n", address)
	select {
	case err := <-failed:
		if !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve on %s: %w", address, err)
		}
	case <-stopping.Done():
	}
	return server.Close()
}
