package backtest

import (
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/spf13/cobra"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

// exitNone is the exit code where no rollout was found.
const exitNone = 3

// Command is the command holdfast backtest.
func Command(now time.Time) *cobra.Command {
	var o Options
	c := &cobra.Command{
		Use:     "backtest --plan FILE --deployment NAME",
		Short:   "say what a plan would have decided about past rollouts",
		Long:    about,
		Example: examples,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return &cli.Error{Code: cli.Wrong, Err: err}
			}
			found, err := o.run(c, now)
			if err == nil && found == 0 {
				return &cli.Error{Code: exitNone} // the report has said so
			}
			return err
		},
	}
	o.AddFlags(c.Flags())
	cli.Explain(c, cli.Wrong)
	return c
}

// run tries the plan and returns how many rollouts it was tried on.
func (o *Options) run(c *cobra.Command, now time.Time) (int, error) {
	log := funcr.New(func(_, line string) { fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", c.CommandPath(), line) }, funcr.Options{})
	t, err := o.prepare(c.InOrStdin(), c.ErrOrStderr(), now)
	if err != nil {
		return 0, err
	}
	decisions, err := t.decide(logr.NewContext(c.Context(), log))
	if err != nil {
		return 0, err
	}
	r := Report{
		Plan: t.name, Namespace: t.namespace, Deployment: t.deployment,
		From: t.from, To: t.to, Decisions: reported(decisions),
	}
	if o.out != "" {
		if err := writePlot(o.out, r); err != nil {
			return 0, err
		}
		fmt.Fprintln(c.ErrOrStderr(), "plot written to", o.out)
	}
	if o.output == "json" {
		return len(decisions), writeJSON(c.OutOrStdout(), r)
	}
	return len(decisions), writeText(c.OutOrStdout(), r)
}
