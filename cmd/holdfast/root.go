package main

import (
	"flag"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"holdfast.dev/holdfast/cmd/holdfast/app"
	"holdfast.dev/holdfast/cmd/holdfast/backtest"
	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/cmd/holdfast/probe"
	"holdfast.dev/holdfast/cmd/holdfast/uninstall"
)

const about = `holdfast makes every image change of a Deployment a canary.

It answers the admission requests for Deployments in namespaces annotated
holdfast.dev/canary=enabled (or required), holds new pod templates back, tries
each as a canary beside its Deployment, and releases or reverts it.`

// newRoot is the command holdfast, with all that are below it.
func newRoot(now time.Time) *cobra.Command {
	var o app.Options
	logging := zap.Options{StacktraceLevel: zapcore.PanicLevel} // errors say where they come from
	root := &cobra.Command{
		Use:               "holdfast",
		Long:              about,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
			return app.Run(c.Context(), o)
		},
	}
	o.AddFlags(root.Flags())
	logger := flag.NewFlagSet("", flag.ContinueOnError)
	logging.BindFlags(logger)
	root.Flags().AddGoFlagSet(logger)
	cli.Explain(root, cli.Failed)
	root.AddCommand(backtest.Command(now), probe.Command(), uninstall.Command(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "say which version this is",
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "holdfast %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cli.Explain(c, cli.Wrong)
	return c
}
