// go test starts a cluster of its own; with -cluster=../../.cluster the scenarios
// run against the one started by make up. All run at the same time, each in a
// namespace of its own.
package gitops_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/gitops/argocd"
	"holdfast.dev/holdfast/test/stage"
)

var attach = flag.String("cluster", "", "the folder of a running cluster to use, for example ../../.cluster; without it one is started")

// world is what all scenarios share.
var world struct {
	cluster *cluster.Cluster
	config  *rest.Config
	client  client.WithWatch
	argocd  *argocd.Engine
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, end, err := stage.Open(ctx, *attach)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, end()) }()
	world.cluster = c
	rest.SetDefaultWarningHandler(rest.NoWarnings{}) // what people read below their commands; these engines log it
	if err := connect(); err != nil {
		return 1, err
	}
	defer world.argocd.Stop()
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

func connect() (err error) {
	if world.config, err = world.cluster.RESTConfig(); err != nil {
		return err
	}
	if world.client, err = stage.Client(world.cluster); err != nil {
		return err
	}
	world.argocd, err = argocd.Start(world.config)
	return err
}
