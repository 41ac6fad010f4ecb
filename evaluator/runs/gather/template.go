package gather

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/probe/inject"
)

// gatherTemplate looks, where a canary has to be made, whether the template on trial can run as one, and who
// would send it requests.
func (g *Gatherer) gatherTemplate(ctx context.Context, seen *Observed) error {
	status := seen.CanaryRun.Status
	starts := status.CreatedAt == nil && !lifecycle.WaitsForRollout(seen.Snapshot)
	if !starts && (status.CreatedAt == nil || seen.Canary != nil) {
		return nil
	}
	template, err := g.templateOf(ctx, *seen)
	if err == nil && template != nil {
		seen.NewCanary, err = g.buildCanary(ctx, *seen, template)
	}
	if errors.Is(err, canary.ErrInvalid) {
		seen.Invalid = err.Error()
		return nil
	}
	if err != nil || seen.NewCanary == nil {
		return err
	}
	if starts {
		seen.Service, err = g.Looks.ServiceFor(ctx, withTemplateLabels(seen.NewCanary, template), seen.Now, seen.Since)
		if errors.Is(err, listing.ErrTooMuch) { // a metric that needs it says so
			err = nil
		}
	}
	return err
}

func (g *Gatherer) buildCanary(ctx context.Context, seen Observed, template hold.Template) (*unstructured.Unstructured, error) {
	without, err := g.leftOut(ctx, seen, template)
	if err != nil {
		return nil, err
	}
	return buildSet(ctx, g.Objects, seen, seen.CanaryName(), v1alpha1.RoleCanary, template, without...)
}

// templateOf is the template on trial: that of the record, or what the user who
// made the run asks for; nil without either.
func (g *Gatherer) templateOf(ctx context.Context, seen Observed) (hold.Template, error) {
	if seen.Held != nil {
		record, err := seen.Record(g.Objects)
		if err != nil {
			return nil, err
		}
		return record.Template, nil
	}
	spec := seen.CanaryRun.Spec
	switch {
	case !spec.ByHand() || !seen.Deployment.Exists || seen.CanaryRun.Status.Phase.Ended():
		return nil, nil
	case spec.Template != nil:
		return g.givenTemplate(ctx, seen.CanaryRun)
	default:
		stable, err := seen.StableTemplate(ctx, g.Objects)
		if err != nil {
			return nil, err
		}
		return canary.WithImages(stable, spec.Containers)
	}
}

// givenTemplate reads the template that the user gave who made the run, which the
// cache does not keep.
func (g *Gatherer) givenTemplate(ctx context.Context, run *v1alpha1.CanaryRun) (hold.Template, error) {
	var live v1alpha1.CanaryRun
	if err := g.Objects.Live.Get(ctx, client.ObjectKeyFromObject(run), &live); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read template of CanaryRun %q: %w", client.ObjectKeyFromObject(run), err)
	}
	if live.UID != run.UID || live.Spec.Template == nil { // gone, or made anew; a template never changes
		return nil, fmt.Errorf("%w: the run is gone", objects.ErrStale)
	}
	var template hold.Template
	if err := jsontree.Unmarshal(live.Spec.Template.Raw, &template); err != nil {
		return nil, fmt.Errorf("%w: %w", canary.ErrInvalid, err)
	}
	return template, nil
}

// probeOf is what the sidecar that measures requests is put into the pods of a run by, nil where they have
// none.
func probeOf(seen Observed) *inject.Config {
	asked := lifecycle.ProbeOf(seen.Snapshot)
	if asked == nil || seen.probeImage == "" {
		return nil
	}
	asked.SetDefaults()
	return &inject.Config{Image: seen.probeImage, Probe: *asked}
}

// buildSet builds a ReplicaSet of a run, whose pods leave these labels of the template out; the plan
// says of how many pods.
func buildSet(ctx context.Context, objects *objects.Reader, seen Observed, name, role string, template hold.Template, without ...string) (*unstructured.Unstructured, error) {
	selector, err := objects.Selector(ctx, seen.DeploymentObject)
	if err != nil {
		return nil, err
	}
	var hash hold.Hash
	if role == v1alpha1.RoleCanary && seen.Held != nil {
		hash = seen.Held.Hash
	} else if hash, err = hold.HashOf(template); err != nil {
		return nil, err
	}
	return canary.ReplicaSet(canary.Spec{
		Run: seen.CanaryRun.Name, Name: name, Role: role, Namespace: seen.CanaryRun.Namespace, UID: seen.CanaryRun.UID,
		Deployment: seen.DeploymentObject.GetName(), Selector: selector, MinReadySeconds: seen.DeploymentObject.View().MinReadySeconds(),
		Hash: hash, Template: template, Replicas: 1, Hostname: lifecycle.HostnameOf(seen.Snapshot), Without: without, Probe: probeOf(seen),
	})
}
