package gather

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
)

// onDemand is what few looks at a run need, and what is large: templates. Who needs one first reads it for
// the whole look.
type onDemand struct {
	record *hold.Record
	stable hold.Template
	canary *unstructured.Unstructured
}

// outlined is what was found when a record was opened. What is encoded is the text that the cache has, too.
type outlined struct {
	encoded string
	uid     types.UID
	outline *hold.Outline
	err     error
}

// outline is what the record of the Deployment says, nil without one. It is opened when it has changed: it
// may be large, and a look comes every few seconds.
func (g *Gatherer) outline(seen *Observed) (*hold.Outline, error) {
	run, d := client.ObjectKeyFromObject(seen.CanaryRun), seen.DeploymentObject
	encoded := d.Annotation(v1alpha1.HeldAnnotation)
	if encoded == "" {
		g.outlines.Forget(run)
		return nil, nil
	}
	if last, known := g.outlines.Get(run); known && last.encoded == encoded && last.uid == d.GetUID() {
		return last.outline, last.err
	}
	now := outlined{encoded: encoded, uid: d.GetUID()}
	seen.read.record, now.err = g.Objects.OpenRecord(d)
	if now.err == nil {
		now.outline = new(seen.read.record.Outline())
	}
	g.outlines.Keep(run, now)
	return now.outline, now.err
}

// Record is the record of the Deployment where it is that of this run; nil otherwise. It is not to be
// changed.
func (seen Observed) Record(reader *objects.Reader) (*hold.Record, error) {
	if seen.Held == nil {
		return nil, nil
	}
	if seen.read.record == nil {
		record, err := reader.OpenRecord(seen.DeploymentObject)
		if err != nil {
			return nil, err
		}
		seen.read.record = record
	}
	return seen.read.record, nil
}

// StableTemplate reads the template that the Deployment runs. It is not to be changed.
func (seen Observed) StableTemplate(ctx context.Context, reader *objects.Reader) (hold.Template, error) {
	if seen.read.stable == nil {
		template, err := reader.StableTemplate(ctx, seen.DeploymentObject)
		if err != nil {
			return nil, err
		}
		seen.read.stable = template
	}
	return seen.read.stable, nil
}

// canaryAsBuilt is the ReplicaSet that the canary of a held template would be, were it made now. It is nil
// for a run by hand, whose Deployment may have changed since, and for a template that can no longer run as a
// canary.
func (g *Gatherer) canaryAsBuilt(ctx context.Context, seen Observed) (*unstructured.Unstructured, error) {
	if seen.NewCanary != nil {
		return seen.NewCanary, nil
	}
	if seen.read.canary != nil || seen.Held == nil || seen.Invalid != "" {
		return seen.read.canary, nil
	}
	record, err := seen.Record(g.Objects)
	if err != nil {
		return nil, err
	}
	built, err := g.buildCanary(ctx, seen, record.Template)
	if err != nil && !errors.Is(err, canary.ErrInvalid) {
		return nil, err
	}
	seen.read.canary = built
	return built, nil
}

// BuildBaseline builds the ReplicaSet of the baseline, of the template that the Deployment runs now.
func (seen Observed) BuildBaseline(ctx context.Context, reader *objects.Reader) (*unstructured.Unstructured, error) {
	template, err := seen.StableTemplate(ctx, reader)
	if err != nil {
		return nil, err
	}
	return buildSet(ctx, reader, seen, seen.BaselineName(), v1alpha1.RoleBaseline, template)
}
