package history

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/reply"
)

// HasFailed says whether a run has failed and is kept all the same.
func (h Server) HasFailed(ctx context.Context, namespace, name string) (bool, error) {
	var run v1alpha1.CanaryRun
	err := h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &run)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read CanaryRun %q: %w", name, err)
	}
	return run.Status.Verdict == v1alpha1.VerdictFail, nil
}

// maxRunNames is how many names are tried for a run. A template that is tried anew
// has another one each time, and ten ended runs of a Deployment are kept.
const maxRunNames = 100

// RunName returns the first unused name for a run of a template. Where somebody has
// taken so many that it could look for one without end, it refuses.
func (h Server) RunName(ctx context.Context, namespace, deployment string, hash hold.Hash) (string, error) {
	for attempt := 1; attempt <= maxRunNames; attempt++ {
		name := v1alpha1.RunName(deployment, string(hash), attempt)
		var run metav1.PartialObjectMetadata
		run.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryRun"))
		err := h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &run)
		if apierrors.IsNotFound(err) {
			return name, nil
		}
		if err != nil {
			return "", fmt.Errorf("look for CanaryRun %q: %w", name, err)
		}
	}
	return "", reply.Refuse("the names of %d runs of this template of Deployment %s are taken, up to CanaryRun %s; delete those that you need no more",
		maxRunNames, deployment, v1alpha1.RunName(deployment, string(hash), maxRunNames))
}

// Findings are what the evaluator says in the status of a run.
func (h Server) Findings(ctx context.Context, namespace, name string) []string {
	var run v1alpha1.CanaryRun
	if err := h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &run); err != nil {
		return nil
	}
	var out []string
	for _, kind := range []string{v1alpha1.ConditionStableServed, v1alpha1.ConditionStableComplete} {
		if c := meta.FindStatusCondition(run.Status.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			out = append(out, reply.Warning(c.Message))
		}
	}
	return out
}
