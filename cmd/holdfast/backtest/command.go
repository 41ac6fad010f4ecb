package backtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitNone   = 3
)

// Streams are where the command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, args []string, s Streams, now time.Time) int {
	var o Options
	fs := flag.NewFlagSet("holdfast backtest", flag.ContinueOnError)
	fs.SetOutput(s.Err)
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), About)
		fs.PrintDefaults()
	}
	o.AddFlags(fs)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitUsage
	}
	if err := o.Validate(); err != nil {
		fmt.Fprintln(s.Err, "holdfast backtest:", err)
		return exitUsage
	}
	log := funcr.New(func(_, line string) { fmt.Fprintln(s.Err, "holdfast backtest:", line) }, funcr.Options{})
	found, err := o.run(logr.NewContext(ctx, log), s, now)
	switch {
	case err != nil:
		fmt.Fprintln(s.Err, "holdfast backtest:", err)
		return exitFailed
	case found == 0:
		return exitNone
	}
	return 0
}

// run tries the plan and returns how many rollouts it was tried on.
func (o *Options) run(ctx context.Context, s Streams, now time.Time) (int, error) {
	t, err := o.prepare(s, now)
	if err != nil {
		return 0, err
	}
	decisions, err := t.decide(ctx)
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
		fmt.Fprintln(s.Err, "plot written to", o.out)
	}
	if o.output == "json" {
		return len(decisions), writeJSON(s.Out, r)
	}
	return len(decisions), writeText(s.Out, r)
}
