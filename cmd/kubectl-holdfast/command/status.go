package command

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/pick"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/show"
)

func (s *session) status() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show a canary run: its phase, metrics, pods, and what comes next",
		Long: `Show a canary run: its phase, steps and time, each metric with its last values against what is wanted, its pods,
and what comes next and when.

NAME is a run or a Deployment; run/NAME and deployment/NAME say which. Of a Deployment the run that has not ended is
shown, or else the newest. With -w the page is drawn anew until the run has ended, in a terminal in place, and
elsewhere whenever the run enters another phase or step.`,
		Example: `  # the run of a Deployment
  kubectl holdfast status web

  # follow it, live
  kubectl holdfast status deployment/web -w`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(true),
		RunE: func(c *cobra.Command, args []string) error { return s.showStatus(c.Context(), args[0], watch) },
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "follow the run until it has ended")
	return failing(c, 1)
}

func (s *session) showStatus(ctx context.Context, text string, watch bool) error {
	name, err := pick.Parse(text)
	if err != nil {
		return err
	}
	c, err := s.open()
	if err != nil {
		return err
	}
	if !watch {
		seen, err := c.see(ctx, name)
		if err == nil {
			_, err = fmt.Fprint(s.Out, show.View(seen, s.now()))
		}
		return err
	}
	draw := s.drawer()
	err = c.follow(ctx, lookEvery, func(ctx context.Context) (bool, error) {
		seen, err := c.see(ctx, name)
		if err != nil {
			return false, err
		}
		name = pick.Name{Run: true, Name: seen.Run.Name} // a newer run of the Deployment is another one
		draw(seen)
		return seen.Run.Status.Phase.Ended(), nil
	})
	if interrupted(ctx, err) {
		return nil
	}
	return err
}

// see reads a run, and what belongs to it as far as its user may.
func (c *cluster) see(ctx context.Context, name pick.Name) (show.Seen, error) {
	run, err := oneRun(ctx, c, name)
	if err != nil {
		return show.Seen{}, err
	}
	seen := show.Seen{Run: *run}
	seen.Pods, err = list[corev1.Pod](ctx, c, pods, labels.Set{v1alpha1.RunLabel: v1alpha1.LabelValue(run.Name)})
	seen.PodsHidden = hidden(err)
	if d, err := get[appsv1.Deployment](ctx, c, deployments, run.Spec.Deployment); err == nil {
		seen.MinReady = time.Duration(d.Spec.MinReadySeconds) * time.Second
	}
	return seen, nil
}

// drawer draws what is seen: in a terminal in place, elsewhere once for each phase, step and attempt.
func (s *session) drawer() func(show.Seen) {
	file, _ := s.Out.(*os.File)
	if file != nil && term.IsTerminal(int(file.Fd())) {
		return func(seen show.Seen) {
			width, height, err := term.GetSize(int(file.Fd()))
			if err != nil {
				width, height = 80, 24
			}
			fmt.Fprint(s.Out, show.Frame(show.View(seen, s.now()), width, height, seen.Run.Status.Phase.Ended()))
		}
	}
	last := ""
	return func(seen show.Seen) {
		if stand := show.Stand(&seen.Run); stand != last {
			if last != "" {
				fmt.Fprintln(s.Out, "---")
			}
			last = stand
			fmt.Fprint(s.Out, show.View(seen, s.now()))
		}
	}
}
