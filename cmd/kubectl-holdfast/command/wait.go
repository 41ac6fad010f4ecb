package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/ending"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/pick"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/plaintext"
)

// notKnown is the exit code of wait where nothing could be found out. It must be none of an ending.
const notKnown = 3

// maxSaid is the longest that is said of an ending, in bytes.
const maxSaid = 2000

func (s *session) wait() *cobra.Command {
	what, timeout := "", time.Duration(0)
	c := &cobra.Command{
		Use:   "wait NAME --for=verdict",
		Short: "Wait until an update is released or reverted",
		Long: `Wait until an update is released or reverted, for pipelines.

NAME is a run or a Deployment; run/NAME and deployment/NAME say which. Of a Deployment it is the update that was
last asked for: wait directly after kubectl apply, which returns when the update is held. One that was let through
without a canary, or changes nothing, counts as released, and one that was rejected before as reverted.

Exit codes:
  0  released (or Passed: a dry run, or a run that was made by hand)
  1  reverted
  2  neither: not in time, interrupted, or the run ended otherwise (Canceled, Superseded)
  3  it could not be found out: no such run, no right to read it, a wrong flag`,
		Example: `  kubectl apply -f web.yaml && kubectl holdfast wait deployment/web --for=verdict --timeout=30m

  # a run
  kubectl holdfast wait run/web-5phu7x2pnr --for=verdict`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(true),
		RunE: func(c *cobra.Command, args []string) error {
			if what != "verdict" {
				return fmt.Errorf("--for is %q; it must be verdict", what)
			}
			if timeout < 0 {
				return fmt.Errorf("--timeout is %s; it must not be negative, and 0 is no limit", timeout)
			}
			return s.await(c.Context(), args[0], timeout)
		},
	}
	c.Flags().StringVar(&what, "for", "", "what is waited for: verdict (required)")
	c.Flags().DurationVar(&timeout, "timeout", time.Hour, "how long is waited; 0 is without end")
	return failing(c, notKnown)
}

func (s *session) await(ctx context.Context, text string, timeout time.Duration) error {
	name, err := pick.Parse(text)
	if err != nil {
		return err
	}
	c, err := s.open()
	if err != nil {
		return err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var last ending.Ending
	err = c.follow(ctx, 2*lookEvery, func(ctx context.Context) (bool, error) {
		now, err := c.endingOf(ctx, &name)
		if err != nil {
			return false, err
		}
		now.Says = plaintext.Line(now.Says, maxSaid)
		if now.Says != last.Says && !now.Done {
			fmt.Fprintln(s.ErrOut, now.Says)
		}
		last = now
		return now.Done, nil
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &cli.Error{Code: ending.Neither, Err: fmt.Errorf("no verdict within %s: %s", lifecycle.Short(timeout), cmp.Or(last.Says, "the API server has not answered"))}
	case interrupted(ctx, err):
		return &cli.Error{Code: ending.Neither, Err: errors.New("interrupted")}
	case err != nil:
		return err
	}
	fmt.Fprintln(s.Out, last.Says)
	if last.Code != ending.Released {
		return &cli.Error{Code: last.Code}
	}
	return nil
}

// endingOf is how what is named has ended. A name that is that of a run and of a Deployment is settled by the
// first look.
func (c *cluster) endingOf(ctx context.Context, name *pick.Name) (ending.Ending, error) {
	all, err := list[v1alpha1.CanaryRun](ctx, c, runs, nil)
	if err != nil {
		return ending.Ending{}, err
	}
	if name.Run {
		if own := (pick.Name{Run: true, Name: name.Name}).All(all); len(own) == 1 {
			name.Deployment = false
			return ending.OfRun(&own[0]), nil
		}
		if !name.Deployment {
			return ending.Ending{}, fmt.Errorf("there is no %s", name)
		}
	}
	d, err := get[appsv1.Deployment](ctx, c, deployments, name.Name)
	if err != nil {
		return ending.Ending{}, err
	}
	name.Run = false
	// The runs are read after the Deployment: what it was held by is over when they say so.
	if all, err = list[v1alpha1.CanaryRun](ctx, c, runs, nil); err != nil {
		return ending.Ending{}, err
	}
	return ending.OfDeployment(ending.Deployment{Name: d.Name, UID: d.UID, Annotations: d.Annotations, Runs: name.All(all)}), nil
}
