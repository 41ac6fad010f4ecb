// Package command has the commands of kubectl holdfast. They read from the API server and write to it as
// their user; what they say and decide is made by packages that talk to nobody.
package command

import (
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

const about = `Follow and decide canaries of Holdfast.

A Deployment of a guarded namespace that is updated stays as it is while Holdfast tries the new pod template as a
canary beside it: a canary run. These commands list and follow runs, decide them, wait for them in a pipeline, and
write and check plans. All of them act with your own rights.`

// Options are what a program gives to its commands.
type Options struct {
	Streams genericiooptions.IOStreams
	// Now is the time.
	Now func() time.Time
	// Version is that of the program.
	Version string
}

// session is what the commands of one call have in common.
type session struct {
	genericiooptions.IOStreams
	flags *genericclioptions.ConfigFlags
	now   func() time.Time
}

// Root is the command kubectl holdfast, with all that are below it.
func Root(o Options) *cobra.Command {
	s := &session{IOStreams: o.Streams, flags: genericclioptions.NewConfigFlags(true), now: o.Now}
	root := &cobra.Command{
		Use:         "kubectl-holdfast",
		Short:       "follow and decide canaries",
		Long:        about,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl holdfast"},
		Version:     o.Version,
		Args:        cobra.NoArgs,
		RunE:        func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(o.Streams.In)
	root.SetOut(o.Streams.Out)
	root.SetErr(o.Streams.ErrOut)
	root.SetVersionTemplate(fmt.Sprintf("kubectl holdfast %s (%s %s/%s)\n", o.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	s.flags.AddFlags(root.PersistentFlags())
	root.SetUsageTemplate(usage)
	root.AddCommand(s.get(), s.status(), s.wait(), s.history(), s.diff(), s.lint(), s.generate(), s.backtest(), s.dashboard(), s.retry(), s.skip(), s.options())
	root.AddCommand(s.decisions()...)
	return root
}

// options is where the flags are listed that all commands have, as kubectl does.
func (s *session) options() *cobra.Command {
	c := &cobra.Command{
		Use:     "options",
		Short:   "List the flags that all commands have",
		Example: "  kubectl holdfast options",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(s.Out, "These flags go with every command that talks to a cluster:\n\n%s", c.InheritedFlags().FlagUsages())
			return err
		},
	}
	return c
}

// usage is what --help prints below the text of a command: its own flags; those that all have are listed by
// options.
const usage = `Usage:
  {{if .Runnable}}{{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}{{if .HasParent}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{end}}

"kubectl holdfast options" lists the flags that all commands have.
`

// failing ends a command with this exit code where it fails otherwise than it says itself.
func failing(c *cobra.Command, code int) *cobra.Command {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &cli.Error{Code: code, Err: fmt.Errorf("%w\nSee %s --help", err, c.CommandPath())}
	})
	args, run := c.Args, c.RunE
	c.Args = func(c *cobra.Command, given []string) error { return coded(code, args(c, given)) }
	c.RunE = func(c *cobra.Command, given []string) error { return coded(code, run(c, given)) }
	return c
}
