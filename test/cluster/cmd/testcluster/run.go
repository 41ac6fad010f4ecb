package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"holdfast.dev/holdfast/test/cluster"
)

// farewell is how long a command may take to end when it is interrupted.
const farewell = 30 * time.Second

// run starts a cluster for one command and whatever that starts, which find it by their environment, and ends
// it with the command.
func run(ctx context.Context, flags *flag.FlagSet, args []string) (err error) {
	o := cluster.Options{Progress: os.Stderr}
	flags.StringVar(&o.Install, "install", "", "kustomize directory to apply; Holdfast's image is then built from this checkout")
	flags.IntVar(&o.Nodes, "nodes", 1, "number of nodes")
	_ = flags.Parse(args)
	if flags.NArg() == 0 {
		flags.Usage()
		return errors.New("a command is needed")
	}
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	return runOn(ctx, c, flags.Args())
}

// runOn runs a command in a process group of its own, so that an interrupt, wherever it came from, reaches
// all that the command has started, once.
func runOn(ctx context.Context, c *cluster.Cluster, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), cluster.SharedVariable+"="+c.Dir())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = farewell
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	return nil
}
