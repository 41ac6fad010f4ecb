package person

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/decision"
)

// ErrOtherRun says that the run of the name is another one by now than the person saw.
var ErrOtherRun = errors.New("the run of this name is another one by now; look at it anew")

// ErrNothingToDo is of a decision that would do nothing; its text says why.
var ErrNothingToDo = errors.New("")

// Decide makes a decision about the run that the person saw, by its UID, and says what it did.
func (p *Person) Decide(ctx context.Context, namespace, name string, uid types.UID, verb decision.Verb, by decision.Decider) (string, error) {
	run, err := p.Run(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	if run.UID != uid {
		return "", ErrOtherRun
	}
	edit, err := decision.Apply(run, verb, by)
	if err != nil {
		return "", fmt.Errorf("%w%w", ErrNothingToDo, err)
	}
	if edit.Spec == nil {
		return edit.Says, nil
	}
	return edit.Says, p.patch(ctx, run, edit, false)
}

// Mays are those of the verbs that the person may use on a run now: it is tried at the API server, whose
// policies have a say in it, and nothing is written.
func (p *Person) Mays(ctx context.Context, run *v1alpha1.CanaryRun, verbs []decision.Verb) ([]decision.Verb, error) {
	allowed, err := p.May(ctx, run.Namespace, "patch")
	if err != nil || !allowed {
		return nil, err
	}
	var out []decision.Verb
	for _, verb := range verbs {
		edit, err := decision.Apply(run, verb, decision.Decider{})
		if err != nil || edit.Spec == nil {
			continue
		}
		switch err := p.patch(ctx, run, edit, true); {
		case err == nil:
			out = append(out, verb)
		case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsConflict(err), apierrors.IsNotFound(err):
		default:
			return nil, err
		}
	}
	return out, nil
}

func (p *Person) patch(ctx context.Context, run *v1alpha1.CanaryRun, edit decision.Edit, dryRun bool) error {
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": run.UID}, "spec": edit.Spec})
	if err != nil {
		return fmt.Errorf("encode the decision: %w", err)
	}
	options := metav1.PatchOptions{FieldManager: fieldManager}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	_, err = p.objects.Resource(runs).Namespace(run.Namespace).Patch(ctx, run.Name, types.MergePatchType, text, options)
	return err //nolint:wrapcheck // callers ask what kind of error it is
}
