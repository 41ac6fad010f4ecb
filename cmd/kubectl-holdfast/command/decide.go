package command

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/pick"
	"holdfast.dev/holdfast/internal/decision"
)

const ofARun = `NAME is a run or a Deployment; run/NAME and deployment/NAME say which. Of a Deployment it is the run that has not ended.`

// decisions are the commands that change the fields of a run which are for people.
func (s *session) decisions() []*cobra.Command {
	return []*cobra.Command{
		s.decide(decision.Promote, "Release the update of a run, whatever was measured",
			"Release the update of a run, whatever was measured, also without a canary. Freeze windows are waited for. The\ndecision stands.\n\n"+ofARun,
			"  kubectl holdfast promote web\n\n  # say who decides, and why; both stand in the run and its event\n  kubectl holdfast promote run/web-5phu7x2pnr --by=\"load test 812\" --reason=\"latency as ever\""),
		s.decide(decision.Abort, "Revert the update of a run, and remember it",
			"Revert the update of a run and remember it, so that it is not tried again. While an update waits for its release\nit can be aborted too. The decision stands.\n\n"+ofARun,
			"  kubectl holdfast abort web --reason=\"wrong branch\""),
		s.decide(decision.Pause, "Stop measuring a run; its canary stays",
			"Stop measuring a run. Its canary stays, and the deadline of the run goes on.\n\n"+ofARun, "  kubectl holdfast pause web"),
		s.decide(decision.Resume, "Let a run go on that was paused",
			"Let a run go on that somebody paused. The step under way is measured from its beginning.\n\n"+ofARun, "  kubectl holdfast resume web"),
		s.decide(decision.Approve, "Let a run leave the step at whose gate it waits",
			"Let a run leave a step of its plan that has approval: true, where it waits for that.\n\n"+ofARun, "  kubectl holdfast approve web"),
	}
}

func (s *session) decide(verb decision.Verb, short, long, examples string) *cobra.Command {
	var by decision.Decider
	c := &cobra.Command{
		Use: string(verb) + " NAME", Short: short, Long: long, Example: examples,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(true),
		RunE: func(c *cobra.Command, args []string) error {
			reach, err := s.open()
			if err != nil {
				return err
			}
			return s.change(c.Context(), reach, args[0], verb, by)
		},
	}
	if verb == decision.Promote || verb == decision.Abort {
		c.Flags().StringVar(&by.Name, "by", "", "who or what decides, as they call themselves, at most 100 characters; it is shown, and not checked")
		c.Flags().StringVar(&by.Reason, "reason", "", "why, in a sentence for those who read the run later, at most 500 characters")
	}
	return failing(c, 1)
}

// change makes a decision about the run that is named.
func (s *session) change(ctx context.Context, c *cluster, text string, verb decision.Verb, by decision.Decider) error {
	name, err := pick.Parse(text)
	if err != nil {
		return err
	}
	run, err := oneRun(ctx, c, name)
	if err != nil {
		return err
	}
	return s.apply(ctx, c, run, verb, by)
}

// oneRun is the run that is meant by a name.
func oneRun(ctx context.Context, c *cluster, name pick.Name) (*v1alpha1.CanaryRun, error) {
	all, err := list[v1alpha1.CanaryRun](ctx, c, runs, nil)
	if err != nil {
		return nil, err
	}
	return name.One(all)
}

func (s *session) apply(ctx context.Context, c *cluster, run *v1alpha1.CanaryRun, verb decision.Verb, by decision.Decider) error {
	change, err := decision.Apply(run, verb, by)
	if err != nil {
		return err
	}
	if change.Spec != nil {
		if err := c.patch(ctx, runs, run.Name, map[string]any{"spec": change.Spec}); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.Out, "canaryrun.holdfast.dev/%s %s\n", run.Name, change.Says)
	return err
}

func (s *session) retry() *cobra.Command {
	c := &cobra.Command{
		Use:   "retry NAME",
		Short: "Have an update tried anew",
		Long: `Have an update tried anew. A run that has not ended begins again, with fresh pods, all steps and all counts.
Of one that was reverted the Deployment forgets that it rejected the template: then apply the update again, which
this command does not have.

` + ofARun,
		Example: `  # a run that is paused or frozen
  kubectl holdfast retry web

  # an update that was reverted
  kubectl holdfast retry deployment/web
  kubectl apply -f web.yaml`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(true),
		RunE: func(c *cobra.Command, args []string) error {
			reach, err := s.open()
			if err != nil {
				return err
			}
			return s.tryAgain(c.Context(), reach, args[0])
		},
	}
	return failing(c, 1)
}

func (s *session) tryAgain(ctx context.Context, c *cluster, text string) error {
	name, err := pick.Parse(text)
	if err != nil {
		return err
	}
	run, err := oneRun(ctx, c, name)
	if err != nil {
		return err
	}
	if !run.Status.Phase.Ended() || run.Spec.ByHand() || run.Status.Phase != v1alpha1.PhaseReverted && run.Status.Phase != v1alpha1.PhasePassed {
		return s.apply(ctx, c, run, decision.Retry, decision.Decider{})
	}
	if err := c.annotate(ctx, run.Spec.Deployment, v1alpha1.RetryAnnotation, s.now().UTC().Format(time.RFC3339Nano)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "deployment.apps/%s has forgotten the templates that it rejected; apply the update of run %s again to have it tried\n", run.Spec.Deployment, run.Name)
	return err
}

func (s *session) skip() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "skip DEPLOYMENT --reason=WHY",
		Short: "Let one update pass without a canary",
		Long: `Let the update pass that is held, or else the next one, without a canary. It takes the verb bypass on canaryruns.

A reason counts once. It stands in the annotation holdfast.dev/skip of the Deployment, and with user and time in
holdfast.dev/skipped once it is used up.`,
		Example: `  kubectl holdfast skip web --reason="hotfix for #4711"`,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(false),
		RunE: func(c *cobra.Command, args []string) error {
			reach, err := s.open()
			if err != nil {
				return err
			}
			return s.letPass(c.Context(), reach, args[0], reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why this update has no canary (required)")
	return failing(c, 1)
}

func (s *session) letPass(ctx context.Context, c *cluster, text, reason string) error {
	name, err := pick.Parse(text)
	if err != nil {
		return err
	}
	if !name.Deployment {
		return fmt.Errorf("an update is skipped by its Deployment; write deployment/NAME")
	}
	d, err := get[appsv1.Deployment](ctx, c, deployments, name.Name)
	if err != nil {
		return err
	}
	says, err := decision.Skip(d.Annotations, reason)
	if err != nil {
		return err
	}
	if err := c.annotate(ctx, d.Name, v1alpha1.SkipAnnotation, reason); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "deployment.apps/%s %s\n", d.Name, says)
	return err
}

// annotate sets an annotation of a Deployment.
func (c *cluster) annotate(ctx context.Context, deployment, key, value string) error {
	err := c.patch(ctx, deployments, deployment, map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no Deployment %q in namespace %s any more", deployment, c.namespace)
	}
	return err
}
