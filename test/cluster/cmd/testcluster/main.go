// Command testcluster starts, stops and prods the test cluster. `make up` and `make down` call it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/cluster/jail"
	"holdfast.dev/holdfast/test/cluster/supervisor"
)

// The main goroutine keeps the main thread: others enter namespaces on threads that they then throw away.
func init() { runtime.LockOSThread() }

// command is one subcommand.
type command struct {
	name, args, summary string
	run                 func(context.Context, *flag.FlagSet, []string) error
}

var commands = []command{
	{"up", "[--dir DIR] [--install KUSTOMIZATION] [--nodes N] [--foreground]", "start the cluster, or install again into the running one", up},
	{"run", "[--install KUSTOMIZATION] [--nodes N] -- COMMAND ...", "start a cluster for a command, which finds it in its environment, and end both together", run},
	{"down", "[--dir DIR]", "end the cluster and remove every trace of it", down},
	{"status", "[--dir DIR]", "show where things are and how the components do", status},
	{"build", "[NAME ...]", "only build the tools into the cache: those of every cluster, and these", buildTools},
	{"helm", "[--dir DIR]", "build Helm 3 and 4 and put them into the cluster's bin folder as helm3 and helm4", helm},
	{"certmanager", "[--dir DIR]", "build cert-manager and run it in the cluster", certManager},
	{"traefik", "[--dir DIR]", "install the Gateway API, build Traefik and run it in the cluster", traefik},
	{"skipper", "[--dir DIR]", "install the Gateway API, build Skipper and run it in the cluster as a gateway that copies requests", skipper},
	{"component", "[--dir DIR] start|stop|SIGNAL NAME", "start, stop or signal a component, e.g. `component stop prometheus`", component},
	{"kill", "[--dir DIR] [--container NAME] SIGNAL NAMESPACE/POD", "signal the program of a pod, e.g. `kill KILL default/web-0`", kill},
	{"network", "[--dir DIR] isolate|rejoin|reset NAMESPACE/POD", "cut a pod off and let it back, or end its connections to the API server", podNetwork},
}

func main() {
	becomePart()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := dispatch(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// dispatch runs the command that args name and returns the exit code.
func dispatch(ctx context.Context, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		usage(os.Stdout)
		return 0
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		flags := flag.NewFlagSet(c.name, flag.ExitOnError)
		flags.Usage = func() {
			fmt.Fprintf(flags.Output(), "testcluster %s %s\n\n%s.\n\n", c.name, c.args, c.summary)
			flags.PrintDefaults()
		}
		if err := c.run(ctx, flags, args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "testcluster:", err)
			return 1
		}
		return 0
	}
	fmt.Fprintf(os.Stderr, "testcluster: there is no command %q\n\n", args[0])
	usage(os.Stderr)
	return 2
}

// becomePart turns this process into a part of a cluster if it was started as one.
func becomePart() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case jail.InitArg:
		jail.Init()
	case control.InitArg:
		supervisor.Init(os.Args[2])
	case control.SupervisorArg:
		if err := supervisor.Main(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "testcluster supervisor:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

func usage(to *os.File) {
	fmt.Fprint(to, "testcluster runs a real Kubernetes control plane on this machine, from Go modules alone.\n\n")
	for _, c := range commands {
		fmt.Fprintf(to, "  testcluster %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(to, "\n`testcluster COMMAND --help` tells more. The cluster's folder is .cluster unless --dir names another.\n")
}
