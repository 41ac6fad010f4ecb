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
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/stage"
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
	code, err := stage.Run(m, *attach, func(c *cluster.Cluster) (err error) {
		world.cluster = c
		world.client, err = stage.Client(c)
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}
