package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/internal/difference"
	"holdfast.dev/holdfast/internal/hold"
)

// The exit codes of diff, as kubectl diff has them.
const (
	differs    = 1
	diffFailed = 2
)

func (s *session) diff() *cobra.Command {
	next := false
	c := &cobra.Command{
		Use:   "diff DEPLOYMENT",
		Short: "Show what a held update would change",
		Long: `Show what a held update would change: the stable pod template against the held one, as diff -u does, with the
annotations that are held with it.

The held template is read from the record on the Deployment. Its seal is not checked: Holdfast runs no record
that it has not written.

Exit codes, as of kubectl diff:
  0  no update is held
  1  one is, and was shown
  2  it could not be found out`,
		Example: `  kubectl holdfast diff web

  # where the plan says newUpdates: Wait, the update that waits behind the one on trial
  kubectl holdfast diff web --next`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames(false),
		RunE: func(c *cobra.Command, args []string) error { return s.compare(c.Context(), args[0], next) },
	}
	c.Flags().BoolVar(&next, "next", false, "show the update that waits behind the one on trial, against that")
	return failing(c, diffFailed)
}

func (s *session) compare(ctx context.Context, text string, next bool) error {
	name, err := aDeployment(text)
	if err != nil {
		return err
	}
	c, err := s.open()
	if err != nil {
		return err
	}
	object, err := c.in(deployments).Get(ctx, name.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	encoded := object.GetAnnotations()[v1alpha1.HeldAnnotation]
	if encoded == "" {
		fmt.Fprintf(s.ErrOut, "No update of Deployment %s is held.\n", name.Name)
		return nil
	}
	record, err := hold.Peek(encoded)
	if err != nil {
		return err
	}
	stable, _, err := unstructured.NestedMap(object.Object, "spec", "template")
	if err != nil {
		return err
	}
	from, to := difference.OfRecord(object.GetAnnotations(), stable, record)
	if next {
		if record.Next == nil {
			fmt.Fprintf(s.ErrOut, "No update of Deployment %s waits behind the one on trial.\n", name.Name)
			return nil
		}
		_, after := difference.OfRecord(object.GetAnnotations(), stable, *record.Next)
		from, to = to, after
	}
	difference, err := difference.Unified(from, to)
	if err != nil {
		return err
	}
	fmt.Fprint(s.Out, difference)
	return &cli.Error{Code: differs}
}
