package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast.dev/holdfast/cmd/holdfast/probe/meter"
	"holdfast.dev/holdfast/cmd/holdfast/probe/relay"
)

// run measures until ctx ends, and then until there is nothing left to measure.
func run(ctx context.Context, o Options, log logr.Logger) error {
	registry := prometheus.NewRegistry()
	metrics := meter.NewMetrics(registry)
	var relays []*relay.Relay
	var listeners []*net.TCPListener
	for _, port := range o.measured {
		l, err := listen(port.Listen)
		if err != nil {
			return fmt.Errorf("listen for port %s: %w", port.Name, err)
		}
		defer l.Close()
		relays, listeners = append(relays, relay.New(port, metrics.Port(port.Name), log)), append(listeners, l)
	}
	admin, err := listen(o.metricsPort)
	if err != nil {
		return fmt.Errorf("listen for /metrics: %w", err)
	}
	server := &http.Server{Handler: pages(registry), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute}
	defer server.Close()

	failed := make(chan error, len(relays)+1)
	for i, r := range relays {
		go func() { failed <- r.Serve(ctx, listeners[i]) }()
	}
	go func() { failed <- server.Serve(admin) }()
	log.Info("measuring", "ports", o.ports, "metricsPort", o.metricsPort)
	go shedAgain(ctx, log)

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("told to end", "drain", o.drain.String())
	drain(context.WithoutCancel(ctx), o.drain, relays)
	for _, l := range listeners {
		_ = l.Close()
	}
	for _, r := range relays {
		r.Stop()
	}
	log.Info("ended")
	return nil
}

func listen(port int32) (*net.TCPListener, error) {
	return net.ListenTCP("tcp", &net.TCPAddr{Port: int(port)})
}

// pages are those about the probe itself. Who reads /healthz finds that it listens on every port: it does
// before it listens for that. The page of metrics is small, and a compressor is a twentieth of the probe's
// memory.
func pages(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, DisableCompression: true}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

// shedEvery is how often pages are given back that were needed once. Those that are needed come back from the
// cache of files within microseconds each.
const shedEvery = time.Minute

// shedAgain sheds what only the start needed, and from then on what only rare things do: of a scrape as
// Protocol Buffers, or an answer in place of the application, 10 MiB of the program would stay.
func shedAgain(ctx context.Context, log logr.Logger) {
	every := time.NewTicker(shedEvery)
	defer every.Stop()
	for {
		if err := shed(); err != nil {
			log.V(1).Info("memory is kept that is not needed", "error", err.Error())
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// look is how often it is looked whether the application is gone.
const look = 250 * time.Millisecond

// drain waits until the application takes no connections any more and what it had said has been carried to
// its clients, or the time is up. Kubernetes ends a native sidecar when the containers beside it are gone,
// and in other pods all at once.
func drain(ctx context.Context, longest time.Duration, relays []*relay.Relay) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	every := time.NewTicker(look)
	defer every.Stop()
	for !gone(ctx, relays) {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

func gone(ctx context.Context, relays []*relay.Relay) bool {
	for _, r := range relays {
		if r.Busy() > 0 || !r.Gone(ctx) {
			return false
		}
	}
	return !errors.Is(ctx.Err(), context.DeadlineExceeded)
}
