// Command receiver takes notifications, and questions of hooks: it prints each as a line. Its image is
// holdfast.test/receiver with any tag.
package main

import (
	"context"
	"encoding/json"
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
	listen := flag.String("listen", ":9097", "address to serve on")
	authorization := flag.String("authorization", "", "what the header Authorization must be, for others to be answered 401")
	tls := flag.String("tls", "", "a folder with tls.crt and tls.key, to serve by TLS")
	flag.Parse()
	if err := serve(*listen, *authorization, *tls); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

// serve runs the server until SIGTERM.
func serve(address, authorization, tls string) error {
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Addr: address, Handler: newHandler(authorization), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() {
		if tls != "" {
			failed <- server.ListenAndServeTLS(filepath.Join(tls, "tls.crt"), filepath.Join(tls, "tls.key"))
			return
		}
		failed <- server.ListenAndServe()
	}()
	select {
	case err := <-failed:
		if !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve on %s: %w", address, err)
		}
	case <-stopping.Done():
	}
	return server.Close()
}

func newHandler(authorization string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if authorization != "" && r.Header.Get("Authorization") != authorization {
			http.Error(w, "say who you are", http.StatusUnauthorized)
			return
		}
		var message json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Printf("%s\n", message)
	})
	return mux
}
