// Command holdfast is the whole of Holdfast: every replica answers admission
// requests, and one of them, the leader, evaluates.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
	_ "time/tzdata" // freeze windows name time zones, and an image may have none

	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"holdfast.dev/holdfast/cmd/holdfast/app"
	"holdfast.dev/holdfast/cmd/holdfast/backtest"
)

const about = `holdfast makes every image change of a Deployment a canary.

It answers the admission requests for Deployments in namespaces annotated
holdfast.dev/canary=enabled (or required), holds new pod templates back, tries
each as a canary beside its Deployment, and releases or reverts it.

Usage: holdfast [flags]
       holdfast backtest [flags]   say what a plan would have decided about past rollouts

`

func main() {
	if len(os.Args) > 1 && os.Args[1] == "backtest" {
		streams := backtest.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(backtest.Main(ctrl.SetupSignalHandler(), os.Args[2:], streams, time.Now()))
	}
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
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
