package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/holdfast/test/cluster"
)

func component(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	if flags.NArg() != 2 {
		flags.Usage()
		return errors.New("an action and a name are needed")
	}
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	switch action, name := flags.Arg(0), flags.Arg(1); action {
	case "start":
		return c.StartComponent(ctx, name)
	case "stop":
		return c.StopComponent(ctx, name)
	default:
		sig, err := signalNamed(action)
		if err != nil {
			return err
		}
		return c.SignalComponent(ctx, name, sig)
	}
}

func kill(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	container := flags.String("container", "", "container of the pod; by default the first")
	_ = flags.Parse(args)
	namespace, pod, ok := strings.Cut(flags.Arg(1), "/")
	if flags.NArg() != 2 || !ok {
		flags.Usage()
		return errors.New("a signal and NAMESPACE/POD are needed")
	}
	sig, err := signalNamed(flags.Arg(0))
	if err != nil {
		return err
	}
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	return c.SignalContainer(ctx, namespace, pod, *container, sig)
}

func podNetwork(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	namespace, pod, ok := strings.Cut(flags.Arg(1), "/")
	if flags.NArg() != 2 || !ok {
		flags.Usage()
		return errors.New("an action and NAMESPACE/POD are needed")
	}
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	switch action := flags.Arg(0); action {
	case "isolate":
		return c.IsolatePod(ctx, namespace, pod)
	case "rejoin":
		return c.RejoinPod(ctx, namespace, pod)
	case "reset":
		return c.ResetPod(ctx, namespace, pod)
	default:
		return fmt.Errorf("there is no action %q on a pod's network", action)
	}
}

// signalNamed knows a signal with or without SIG and dash.
func signalNamed(name string) (syscall.Signal, error) {
	name = strings.TrimPrefix(strings.ToUpper(strings.TrimPrefix(name, "-")), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("there is no signal %q", name)
}
