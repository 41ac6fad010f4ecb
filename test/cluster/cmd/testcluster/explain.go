package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster"
)

// explain says how to use the cluster from any shell.
func explain(c *cluster.Cluster, dir string) {
	fmt.Printf(`  export KUBECONFIG=%s
  export PATH=%s:$PATH

Prometheus        %s
Holdfast metrics  %s
logs              %s

A first scenario:
  kubectl create deployment web --image=holdfast.test/app:v1
  kubectl get pods --watch
  kubectl set image deployment/web app=holdfast.test/app:v2
test/cluster/README.md lists what images there are and how to make them fail.
`, c.Kubeconfig(), filepath.Dir(c.Bin("kubectl")), c.PrometheusURL(), c.MetricsURL(), c.Logs())
	if dir == defaultDir {
		fmt.Println("End it with: make down")
	} else {
		fmt.Printf("End it with: testcluster down --dir %s\n", dir)
	}
}

func status(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	for _, one := range s.Components {
		fmt.Printf("%-25s %-8s %5d MiB\n", one.Name, one.State, one.RSS>>20)
	}
	fmt.Println()
	explain(c, *dir)
	return nil
}
