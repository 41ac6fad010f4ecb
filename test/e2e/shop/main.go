// Package shop is the stage of all scenarios: a cluster with Holdfast, namespaces in which a Deployment runs
// under load, and what is asked and waited for in them.
package shop

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

var attach = flag.String("cluster", "", "the folder of a running cluster to use, for example ../../../.cluster; without it "+
	"the one that testcluster run has started is used, or one is started")

// World is the cluster that the scenarios of a package run on.
var World struct {
	Cluster *cluster.Cluster
	Client  client.WithWatch
}

// Main is the TestMain of a package whose scenarios keep to namespaces of their own: it can share a cluster
// with other packages that run at the same time.
func Main(m *testing.M) {
	flag.Parse()
	dir := *attach
	if dir == "" {
		dir = stage.Shared()
	}
	run(m, dir)
}

// MainAlone is the TestMain of a package whose scenarios stop parts of the cluster, or measure what others
// would add to: without -cluster it starts one of its own.
func MainAlone(m *testing.M) {
	flag.Parse()
	run(m, *attach)
}

func run(m *testing.M, dir string) {
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run()) // that needs no cluster
	}
	log.SetLogger(logr.Discard()) // the client's: warnings are what many scenarios ask for
	code, err := stage.Run(m, dir, func(c *cluster.Cluster) (err error) {
		World.Cluster = c
		World.Client, err = stage.Client(c)
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}
