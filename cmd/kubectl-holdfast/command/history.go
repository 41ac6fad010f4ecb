package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/printers"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/pick"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/show"
)

func (s *session) history() *cobra.Command {
	output := ""
	c := &cobra.Command{
		Use:   "history DEPLOYMENT",
		Short: "Show what became of the updates of a Deployment",
		Long: `Show what became of the updates of a Deployment, the oldest first: its runs, of which the last ten that ended are
kept, and the last update that passed because its canary was skipped.`,
		Example: `  kubectl holdfast history web

  # with plans and messages
  kubectl holdfast history deployment/web -o wide`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(false),
		RunE: func(c *cobra.Command, args []string) error { return s.tell(c.Context(), args[0], output) },
	}
	c.Flags().StringVarP(&output, "output", "o", "", `Output format: "wide", or nothing. For programs there is kubectl holdfast get deployment/NAME -o json.`)
	return failing(c, 1)
}

// aDeployment reads a name that can be that of a Deployment alone.
func aDeployment(text string) (pick.Name, error) {
	name, err := pick.Parse(text)
	if err == nil && !name.Deployment {
		err = fmt.Errorf("%s is of no Deployment; write NAME or deployment/NAME", text)
	}
	name.Run = false
	return name, err
}

func (s *session) tell(ctx context.Context, text, output string) error {
	if output != "" && output != "wide" {
		return fmt.Errorf("-o is %q; it must be wide", output)
	}
	name, err := aDeployment(text)
	if err != nil {
		return err
	}
	c, err := s.open()
	if err != nil {
		return err
	}
	all, err := list[v1alpha1.CanaryRun](ctx, c, runs, nil)
	if err != nil {
		return err
	}
	// Runs can be read by who may not read Deployments, and outlive none.
	d, err := get[appsv1.Deployment](ctx, c, deployments, name.Name)
	switch {
	case apierrors.IsForbidden(err):
		fmt.Fprintf(s.ErrOut, "Skips are not shown: %s\n", hidden(err))
		d = &appsv1.Deployment{}
	case err != nil:
		return err
	}
	own := name.All(all)
	if len(own) == 0 && d.Annotations[v1alpha1.SkippedAnnotation] == "" {
		fmt.Fprintf(s.ErrOut, "Deployment %s has no canary runs.\n", name.Name)
		return nil
	}
	return printers.NewTablePrinter(printers.PrintOptions{Wide: output == "wide"}).PrintObj(show.History(own, d.Annotations, s.now()), s.Out)
}
