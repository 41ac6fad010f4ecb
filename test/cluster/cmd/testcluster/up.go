package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/cluster/build"
	"holdfast.dev/holdfast/test/cluster/control"
)

const defaultDir = ".cluster"

func dirFlag(flags *flag.FlagSet) *string {
	return flags.String("dir", defaultDir, "folder of the cluster")
}

func up(ctx context.Context, flags *flag.FlagSet, args []string) error {
	o := cluster.Options{Progress: os.Stdout}
	flags.StringVar(&o.Dir, "dir", defaultDir, "folder of the cluster")
	flags.StringVar(&o.Install, "install", "", "kustomize directory to apply; Holdfast's image is then built from this checkout")
	flags.IntVar(&o.Nodes, "nodes", 1, "number of nodes")
	foreground := flags.Bool("foreground", false, "stay until Ctrl-C and take the cluster along")
	_ = flags.Parse(args)
	o.Detach = !*foreground
	began := time.Now()
	if c, err := cluster.Attach(o.Dir); err == nil {
		return again(ctx, c, o)
	}
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("ready after %.1fs\n\n", time.Since(began).Seconds())
	explain(c, o.Dir)
	if *foreground {
		fmt.Println("\nCtrl-C ends the cluster.")
		<-ctx.Done()
		return c.Stop()
	}
	return nil
}

// again brings the installation in a running cluster up to date.
func again(ctx context.Context, c *cluster.Cluster, o cluster.Options) error {
	fmt.Printf("a cluster runs already in %s\n", o.Dir)
	if o.Install != "" {
		if err := c.Reinstall(ctx, o.Install, o.Progress); err != nil {
			return err
		}
		fmt.Printf("installed %s anew\n", o.Install)
	}
	fmt.Println()
	explain(c, o.Dir)
	return nil
}

func down(_ context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	c, err := cluster.Attach(*dir)
	if err == nil {
		if err := c.Stop(); err != nil {
			return err
		}
		fmt.Printf("the cluster in %s has ended\n", *dir)
		return nil
	}
	switch err := cluster.Clean(*dir); {
	case errors.Is(err, control.ErrNoCluster):
		fmt.Printf("there is no cluster in %s\n", *dir)
		return nil
	case err != nil:
		return err
	}
	fmt.Printf("the cluster in %s was dead; its folder is removed\n", *dir)
	return nil
}

func buildTools(ctx context.Context, flags *flag.FlagSet, args []string) error {
	_ = flags.Parse(args)
	source, err := build.Source()
	if err != nil {
		return err
	}
	paths, err := build.Tools(ctx, source, os.Stdout)
	if err != nil {
		return err
	}
	for _, name := range flags.Args() {
		if paths[name], err = build.Tool(ctx, source, name, os.Stdout); err != nil {
			return err
		}
	}
	for name, path := range paths {
		fmt.Println(name, path)
	}
	return nil
}
