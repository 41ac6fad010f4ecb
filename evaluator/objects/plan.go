package objects

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/load"
	"holdfast.dev/holdfast/internal/policy"
)

// ResolvePlan finds the plan of a Deployment as it is now.
func (r *Reader) ResolvePlan(ctx context.Context, d Deployment) (plan.Resolved, error) {
	return r.PlansOf(d.GetNamespace()).Resolve(ctx, d)
}

// Plans are those of the Deployments of a namespace, at one moment: the namespace and each plan are read
// once.
type Plans struct {
	reader    *Reader
	namespace string
	ns        *metav1.PartialObjectMetadata
	demands   policy.Effective
	found     map[string]plan.Found
}

// PlansOf are the plans of a namespace from now on.
//
// Plans, and the namespace that may name one, are asked of the API server itself: a
// cache may be behind (a plan or an annotation applied together with the update), or
// empty while it lists anew because the CustomResourceDefinition was changed. A run
// takes its plan for good, so it must not take another one for want of a second.
func (r *Reader) PlansOf(namespace string) *Plans {
	return &Plans{reader: r, namespace: namespace, found: map[string]plan.Found{}}
}

// Resolve is the plan of a Deployment. Where nothing is guarded any more
// the plan does not matter, and none that is missing may keep the update from
// being let through.
func (p *Plans) Resolve(ctx context.Context, d Deployment) (plan.Resolved, error) {
	if err := p.read(ctx); err != nil {
		return plan.Resolved{}, err
	}
	if !guard.Guarded(p.ns.Annotations, p.ns.Labels, d.GetAnnotations()) {
		return plan.BuiltIn(), nil
	}
	annotations, err := p.reader.PlanAnnotations(ctx, d)
	if err != nil {
		return plan.Resolved{}, err
	}
	name := plan.NameFor(annotations, p.ns.Annotations)
	found, known := p.found[name]
	if !known {
		if found, err = load.Find(ctx, p.reader.Live, p.namespace, name, p.demands); err != nil {
			return plan.Resolved{}, err
		}
		found = found.Checked()
		p.found[name] = found
	}
	return plan.Resolve(annotations, p.ns.Annotations, found).Bounded(p.demands, d.Replicas()), nil
}

// read reads the namespace and what policies demand in it, once.
func (p *Plans) read(ctx context.Context) error {
	if p.ns != nil {
		return nil
	}
	ns := NewNamespace()
	if err := p.reader.Live.Get(ctx, types.NamespacedName{Name: p.namespace}, ns); err != nil {
		return fmt.Errorf("read namespace %q: %w", p.namespace, err)
	}
	demands, err := p.reader.Demands(ctx, ns.Labels)
	if err != nil {
		return err
	}
	p.ns, p.demands = ns, demands
	return nil
}
