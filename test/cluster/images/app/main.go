// Command app is the workload of the test cluster: a web server with Prometheus metrics that
// behaves, well or badly, as its flags say. Its image is holdfast.test/app with any tag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// behaviour is what the flags ask for.
type behaviour struct {
	address    string
	version    string
	errorRate  float64
	latency    time.Duration
	crashAfter time.Duration
	exitCode   int
	readyAfter time.Duration
	neverReady bool
	lateSeries bool
	status     string
	drain      time.Duration
}

func main() {
	b := behaviour{}
	flag.StringVar(&b.address, "listen", ":8080", "address to serve on")
	flag.StringVar(&b.version, "version", "v1", "version to call itself, in answers and in the metric app_info")
	flag.Float64Var(&b.errorRate, "error-rate", 0, "share of requests to / answered with 500, spread evenly: 0.2 is exactly every fifth")
	flag.DurationVar(&b.latency, "latency", 0, "how long each answer to / takes")
	flag.DurationVar(&b.crashAfter, "crash-after", 0, "exit so long after the start; 0 is never")
	flag.IntVar(&b.exitCode, "exit-code", 1, "exit code of --crash-after")
	flag.DurationVar(&b.readyAfter, "ready-after", 0, "how long /readyz says 503 after the start")
	flag.BoolVar(&b.neverReady, "never-ready", false, "let /readyz say 503 for ever")
	flag.BoolVar(&b.lateSeries, "late-series", false, "let http_requests_total have a code only from its first answer on, at 1")
	flag.StringVar(&b.status, "status-label", "code", "label of http_requests_total that has the status")
	flag.DurationVar(&b.drain, "drain", time.Second, "how long to go on serving after SIGTERM, until clients have noticed")
	flag.Parse()
	if b.errorRate < 0 || b.errorRate > 1 {
		fmt.Fprintln(os.Stderr, "app: --error-rate must be from 0 to 1")
		os.Exit(2)
	}
	if err := serve(b); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

// serve runs the server until SIGTERM, or exits when --crash-after is over.
func serve(b behaviour) error {
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if b.crashAfter > 0 {
		time.AfterFunc(b.crashAfter, func() {
			fmt.Printf("app %s: crash after %s as told, exit code %d\n", b.version, b.crashAfter, b.exitCode)
			os.Exit(b.exitCode)
		})
	}
	server := &http.Server{Addr: b.address, Handler: newHandler(b, time.Now), ReadHeaderTimeout: 10 * time.Second, Protocols: protocols()}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	fmt.Printf("app %s: serving on %s\n", b.version, b.address)
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", b.address, err)
	case <-stopping.Done():
	}
	fmt.Printf("app %s: asked to stop, draining for %s\n", b.version, b.drain)
	time.Sleep(b.drain)
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}
