// Command webhook is an admission server for the scenarios that need somebody else's webhook: it
// answers for Deployments and pods, as the path says by which it is called. Its image is
// holdfast.test/webhook with any tag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":8443", "address to serve on")
	folder := flag.String("tls", "/tls", "folder with tls.crt and tls.key")
	sidecar := flag.String("sidecar", "holdfast.test/app:sidecar", "image of the container that /inject adds")
	message := flag.String("message", "not here", "what /deny says")
	flag.Parse()
	if err := serve(*listen, *folder, newHandler(*sidecar, *message)); err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
}

// serve runs the server until SIGTERM.
func serve(address, folder string, handler http.Handler) error {
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() {
		failed <- server.ListenAndServeTLS(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	}()
	fmt.Printf("webhook: serving on %s\n", address)
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", address, err)
	case <-stopping.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}
