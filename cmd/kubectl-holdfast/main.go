// Command kubectl-holdfast is a plugin of kubectl: kubectl holdfast. It follows, decides and explains canary
// runs with the rights of its user.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // freeze windows name time zones, and not every machine has them

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/command"
)

// version is set when a release is built.
var version = "devel"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, command.Root(command.Options{
		Streams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Now:     time.Now,
		Version: version,
	}))
}
