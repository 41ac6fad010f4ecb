// Command holdfast is the whole of Holdfast: every replica answers admission
// requests, and one of them, the leader, evaluates.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
	_ "time/tzdata" // freeze windows name time zones, and an image may have none

	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"holdfast.dev/holdfast/cmd/holdfast/app"
	"holdfast.dev/holdfast/cmd/holdfast/backtest"
	"holdfast.dev/holdfast/cmd/holdfast/uninstall"
)

const about = `holdfast makes every image change of a Deployment a canary.

It answers the admission requests for Deployments in namespaces annotated
holdfast.dev/canary=enabled (or required), holds new pod templates back, tries
each as a canary beside its Deployment, and releases or reverts it.

Usage: holdfast [flags]
       holdfast backtest [flags]   say what a plan would have decided about past rollouts
       holdfast uninstall [flags]  end all holds and stop, before Holdfast is removed
       holdfast version            say which version this is

`

// version is set when a release is built.
var version = "devel"

func main() {
	command, args := "", os.Args[1:]
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "backtest":
		streams := backtest.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(backtest.Main(ctrl.SetupSignalHandler(), args[1:], streams, time.Now()))
	case "uninstall":
		ctrl.SetLogger(zap.New()) // the client's
		os.Exit(uninstall.Main(ctrl.SetupSignalHandler(), args[1:], os.Stdout, os.Stderr))
	case "version":
		fmt.Printf("holdfast %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return
	}
	if err := run(ctrl.SetupSignalHandler(), args); err != nil {
		fmt.Fprintln(os.Stderr, "holdfast:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var o app.Options
	fs := flag.NewFlagSet("holdfast", flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), about)
		fs.PrintDefaults()
	}
	o.AddFlags(fs)
	logging := zap.Options{StacktraceLevel: zapcore.PanicLevel} // errors say where they come from
	logging.BindFlags(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
	return app.Run(ctx, o)
}
