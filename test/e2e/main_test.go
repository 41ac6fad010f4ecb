// Package e2e has the scenarios of Holdfast on a real control plane: real API
// server, controller manager, scheduler, Prometheus and kubectl, and Holdfast
// installed from its manifests, in pods with its own ServiceAccount.
//
// go test ./e2e starts a cluster of its own; with -cluster=../.cluster the
// scenarios run against one started by make up. The scenarios that stop parts of
// the cluster run first and alone, all others at the same time, each in a
// namespace of its own.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
)

var attach = flag.String("cluster", "", "the folder of a running cluster to use, for example ../../.cluster; without it one is started")

// world is what all scenarios share.
var world struct {
	cluster *cluster.Cluster
	client  client.WithWatch
}

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's: warnings are what many scenarios ask for
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *attach != "" {
		world.cluster, err = cluster.Attach(*attach)
	} else {
		world.cluster, err = start(ctx)
		defer func() {
			if world.cluster != nil {
				err = world.cluster.Stop()
			}
		}()
	}
	if err != nil {
		return 1, err
	}
	if world.client, err = newClient(); err != nil {
		return 1, err
	}
	interrupted := make(chan struct{})
	go func() {
		<-ctx.Done()
		close(interrupted)
	}()
	finished := make(chan int, 1)
	go func() { finished <- m.Run() }()
	select {
	case code = <-finished:
		return code, nil
	case <-interrupted:
		return 1, fmt.Errorf("interrupted")
	}
}

func start(ctx context.Context) (*cluster.Cluster, error) {
	overlay, err := filepath.Abs("../../manifests/overlays/test")
	if err != nil {
		return nil, err
	}
	return cluster.Start(ctx, cluster.Options{Progress: os.Stderr, Install: overlay})
}

func newClient() (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config, err := world.cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}
