// Package probe is the command holdfast probe, a sidecar in front of the ports of an application that
// measures the requests which come through it.
package probe

import (
	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/cmd/holdfast/probe/ready"
	"holdfast.dev/holdfast/cmd/holdfast/probe/redirect"
)

const about = `holdfast probe carries connections to an application of the same pod, and
measures the requests in them: HTTP/1, HTTP/2 in clear text and gRPC. It reads
along and changes nothing; what it cannot read, such as TLS, it carries too.

/metrics and /healthz are on a port of their own. Holdfast puts it into the
pods of canaries itself, where a plan asks for it.`

const examples = `  holdfast probe --port=http=15100:8080/Auto --port=mysql=15101:3306/TCP`

// Command is the command holdfast probe.
func Command() *cobra.Command {
	var o Options
	c := &cobra.Command{
		Use:     "probe --port NAME=LISTEN:TARGET/PROTOCOL",
		Short:   "measure requests on their way to an application",
		Long:    about,
		Example: examples,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return &cli.Error{Code: cli.Wrong, Err: err}
			}
			log := zap.New(zap.WriteTo(c.ErrOrStderr()), zap.StacktraceLevel(zapcore.PanicLevel))
			return run(c.Context(), o, log)
		},
	}
	o.AddFlags(c.Flags())
	cli.Explain(c, cli.Wrong)
	c.AddCommand(ready.Command(), redirect.Command())
	return c
}
