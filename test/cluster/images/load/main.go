// Command load sends requests to the endpoints of a Service, spread evenly over those that are
// ready as kube-proxy would spread them. Its image is holdfast.test/load with any tag. It finds the
// endpoints by the API with its own ServiceAccount.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// ownNamespace is where every pod finds the name of its namespace.
const ownNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

func main() {
	var t target
	listen := flag.String("listen", ":8080", "address to serve /metrics and /healthz on")
	flag.StringVar(&t.service, "service", "", "Service to send requests to (needed)")
	flag.StringVar(&t.namespace, "namespace", "", "namespace of the Service; by default the pod's own")
	flag.StringVar(&t.port, "port", "", "name or number of the endpoints' port; by default the first")
	flag.StringVar(&t.path, "path", "/", "path of every request")
	flag.Float64Var(&t.qps, "qps", 10, "requests a second, over all endpoints together")
	flag.DurationVar(&t.timeout, "timeout", 5*time.Second, "how long to wait for an answer")
	flag.Parse()
	if err := run(t, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// run sends until SIGTERM.
func run(t target, listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if t.service == "" || t.qps <= 0 {
		return errors.New("--service and a --qps above 0 are needed")
	}
	if t.namespace == "" {
		name, err := os.ReadFile(ownNamespace)
		if err != nil {
			return fmt.Errorf("find own namespace: %w", err)
		}
		t.namespace = strings.TrimSpace(string(name))
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("read in-cluster credentials: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	registry := prometheus.NewRegistry()
	sender := newSender(t, registry)
	if err := sender.ring.follow(ctx, client, t); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	failed := make(chan error, 1)
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { failed <- server.ListenAndServe() }()
	go func() { sender.run(ctx); failed <- nil }()
	fmt.Printf("load: %g requests a second to service %s/%s\n", t.qps, t.namespace, t.service)
	return <-failed
}
