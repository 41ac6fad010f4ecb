package protect

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/surround"
)

// done is what came of a protection.
type done struct {
	on, off   int
	protected []string // those that were put on
	// stale says that something was another than it had been seen to be.
	stale bool
}

// apply does what is to be done, and tells of it. What is refused in one place keeps nothing from being done
// elsewhere.
func (p *protector) apply(ctx context.Context, namespace string, todo surround.Finalizers, all []candidate) (done, error) {
	var out done
	var problems []error
	for _, change := range todo.Off {
		switch refused, err := p.patch(ctx, namespace, change, false); {
		case errors.Is(err, errStale):
			out.stale = true
		case err != nil:
			problems = append(problems, err)
		case refused != "":
			p.tellStuck(namespace, change, refused)
		default:
			ctrl.LoggerFrom(ctx).Info("a ConfigMap is no longer protected", "configMap", change.Name)
			out.off++
		}
	}
	for _, change := range todo.On {
		switch refused, err := p.patch(ctx, namespace, change, true); {
		case errors.Is(err, errStale):
			out.stale = true
		case err != nil:
			problems = append(problems, err)
		case refused != "":
			p.tellRefused(namespace, named(all, change.For), change, refused)
		default:
			ctrl.LoggerFrom(ctx).Info("a ConfigMap is protected", "configMap", change.Name)
			out.on++
			out.protected = append(out.protected, change.Name)
		}
	}
	for _, kept := range todo.Kept {
		for _, c := range named(all, []string{kept.For}) {
			p.tellKept(c, kept)
		}
	}
	return out, errors.Join(problems...)
}

func named(all []candidate, names []string) []candidate {
	var out []candidate
	for _, c := range all {
		if slices.Contains(names, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// errStale says that a ConfigMap is gone, is another one of the name, or was deleted meanwhile.
var errStale = errors.New("the ConfigMap has changed")

// patch puts the finalizer on, or takes it off. It gives the words of the API server where that refuses it.
func (p *protector) patch(ctx context.Context, namespace string, change surround.Change, on bool) (refused string, err error) {
	err = finalizer.Patch(ctx, p.Writer, namespace, change.Name, change.UID, on)
	var status apierrors.APIStatus
	switch {
	case err == nil, apierrors.IsNotFound(err) && !on:
		return "", nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err), apierrors.IsInvalid(err) && on, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "", errStale
	case (apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)) && errors.As(err, &status):
		return status.Status().Message, nil
	}
	return "", fmt.Errorf("finalizer of ConfigMap %q: %w", change.Name, err)
}
