// Package cluster starts a real Kubernetes control plane on this machine, with nodes that run pods
// as local processes and a Prometheus that scrapes them: everything compiled from Go modules, in
// namespaces of its own, gone when it is stopped or when the process that started it ends in any
// way.
//
//	c, err := cluster.Start(ctx, cluster.Options{Install: "manifests/overlays/test"})
//	defer c.Stop()
package cluster

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"holdfast.dev/holdfast/test/cluster/build"
)

// Options are the choices there are; the zero value is a bare cluster with one node.
type Options struct {
	// Dir is the folder of the cluster, which must be empty, absent, or what a dead cluster has
	// left. By default it is a fresh one in the user's cache, where programs can be executed even
	// if they cannot in /tmp.
	Dir string
	// Logs is where components and containers log; by default Dir/log, which goes with the cluster.
	Logs string
	// Progress is told what happens, line by line. By default nobody is.
	Progress io.Writer
	// Install is a kustomize directory that is applied at once; its image of Holdfast is built from
	// this repository.
	Install string
	// Nodes is how many there are; 0 means one.
	Nodes int
	// Detach lets the cluster live on when this process ends. Without it the cluster ends with this
	// process, even if that is killed.
	Detach bool
	// Source is the root of the checkout to build from, by default the one around the working directory.
	Source string
}

// SharedVariable is the variable of the environment in which `testcluster run` hands down the folder of its
// cluster.
const SharedVariable = "HOLDFAST_CLUSTER"

// installLimit is how long installed Deployments may take to become Available.
const installLimit = 3 * time.Minute

// complete fills in what was left open.
func (o Options) complete() (Options, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	o.Nodes = max(o.Nodes, 1)
	var err error
	if o.Source == "" {
		if o.Source, err = build.Source(); err != nil {
			return o, err
		}
	}
	if o.Dir == "" {
		o.Dir, err = freshDir()
	} else {
		o.Dir, err = filepath.Abs(o.Dir)
	}
	return o, err
}

// freshDir makes a folder for a cluster of which nobody says where it shall be. Folders of such
// clusters that were killed together with whoever would have cleaned up are removed on the way.
func freshDir() (string, error) {
	base, err := build.CacheDir("clusters")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", fmt.Errorf("make folder for clusters: %w", err)
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		return "", fmt.Errorf("list folder for clusters: %w", err)
	}
	for _, entry := range entries {
		_ = Clean(filepath.Join(base, entry.Name())) // those that live or begin to are left alone
	}
	dir, err := os.MkdirTemp(base, "cluster-")
	if err != nil {
		return "", fmt.Errorf("make cluster folder: %w", err)
	}
	return dir, nil
}
