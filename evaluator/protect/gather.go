package protect

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/internal/workload"
)

// metadata is what is read of a ConfigMap.
type metadata struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
}

// knownConfigMaps are those of a namespace that matter.
type knownConfigMaps []surround.KnownConfigMap

// protected are the names of those that have the finalizer.
func (k knownConfigMaps) protected() []string {
	var out []string
	for _, c := range k {
		if c.Protected {
			out = append(out, c.Name)
		}
	}
	return out
}

// matter leaves those that are protected, and those that one of some Deployments names.
func (k knownConfigMaps) matter(by []candidate) knownConfigMaps {
	names := map[string]bool{}
	for i := range by {
		for _, name := range by[i].Names {
			names[name] = true
		}
	}
	return slices.DeleteFunc(k, func(c surround.KnownConfigMap) bool { return !c.Protected && !names[c.Name] })
}

// configMaps are those of a namespace.
func (p *protector) configMaps(ctx context.Context, namespace string) (knownConfigMaps, error) {
	now := p.Clock.Now()
	var out knownConfigMaps
	err := p.eachConfigMap(ctx, namespace, func(m metav1.ObjectMeta) {
		protected := slices.Contains(m.Finalizers, v1alpha1.ProtectFinalizer)
		out = append(out, surround.KnownConfigMap{
			Name: m.Name, UID: string(m.UID), Protected: protected, Deleting: m.DeletionTimestamp != nil, Remade: surround.Remade(m.Annotations),
			Fresh: protected && surround.Fresh(m.ManagedFields, now),
		})
	})
	return out, err
}

// eachConfigMap visits the metadata of the ConfigMaps of a namespace, or of all, which may be seconds old:
// there may be very many, and another search follows.
func (p *protector) eachConfigMap(ctx context.Context, namespace string, visit func(metav1.ObjectMeta)) error {
	q := listing.Query{Kind: finalizer.Kind, Namespace: namespace, MetadataOnly: true, Cached: namespace == metav1.NamespaceAll, Most: listing.NoLimit}
	err := p.Live.Each(ctx, q, func(object []byte) error {
		one, err := listing.Decode[metadata](object)
		if err == nil {
			visit(one.Metadata)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list ConfigMaps: %w", err)
	}
	return nil
}

// candidate is a Deployment for which ConfigMaps may be kept.
type candidate struct {
	surround.Keeper
	// object is what plans and events need of it.
	object  *unstructured.Unstructured
	rolling bool
}

// candidates are the Deployments of a namespace that hold an update, had one rejected or roll out, and those
// that name a ConfigMap. Which of them ask for protection is not known yet.
func (p *protector) candidates(ctx context.Context, namespace string) ([]candidate, error) {
	var out []candidate
	err := p.Live.Each(ctx, listing.Query{Kind: workload.DeploymentKind, Namespace: namespace}, func(object []byte) error {
		content, err := listing.Decode[map[string]any](object)
		if err != nil {
			return err
		}
		if c, may := viewOf(content); may {
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list Deployments: %w", err)
	}
	return out, nil
}

// viewOf is what is kept of a Deployment, and whether ConfigMaps may be kept for it.
func viewOf(content map[string]any) (candidate, bool) {
	d := workload.Deployment{Object: content}
	c := candidate{Keeper: surround.Keeper{
		Name: d.Name(), Held: d.Annotation(v1alpha1.HeldAnnotation) != "", Rejected: d.Annotation(v1alpha1.FailedAnnotation) != "",
		Names: surround.ConfigMaps(d.Template()),
	}}
	status := d.Status()
	c.rolling = status.Count(workload.ObservedGeneration) < d.Generation() || !status.Complete(d.Replicas())
	if d.Deleting() || len(c.Names) == 0 && !c.rolling {
		return c, false
	}
	full := unstructured.Unstructured{Object: content}
	c.object = newDeployment()
	c.object.SetNamespace(full.GetNamespace())
	c.object.SetName(full.GetName())
	c.object.SetUID(full.GetUID())
	c.object.SetAnnotations(full.GetAnnotations())
	spec := map[string]any{"replicas": d.Replicas()}
	if selector, found, err := unstructured.NestedMap(content, "spec", "selector"); found && err == nil {
		spec["selector"] = selector
	}
	c.object.Object["spec"] = spec
	return c, true
}

// keeper completes what is known of a Deployment: what its plan says, and what the pods need that it
// replaces.
func (p *protector) keeper(ctx context.Context, c *candidate, plans PlanFunc) error {
	if err := c.ask(ctx, plans); err != nil {
		return err
	}
	if !c.rolling || !c.Asks && !c.Unsure {
		return nil
	}
	return p.leaving(ctx, c)
}

// ask asks the plan of a Deployment.
func (c *candidate) ask(ctx context.Context, plans PlanFunc) error {
	resolved, err := plans(ctx, c.object)
	if err != nil {
		return fmt.Errorf("plan of Deployment %s: %w", c.Name, err)
	}
	c.Asks = resolved.Reason == "" && resolved.Spec.Protect == v1alpha1.ProtectConfigMaps
	c.Unsure = resolved.Reason == v1alpha1.ReasonPlanInvalid
	return nil
}

// leaving reads what the templates name of the ReplicaSets that have pods still.
func (p *protector) leaving(ctx context.Context, c *candidate) error {
	d := workload.Deployment{Object: c.object.Object}
	raw, err := d.Selector()
	if err != nil {
		return err
	}
	selector, err := metav1.LabelSelectorAsSelector(raw)
	if err != nil {
		return fmt.Errorf("selector of Deployment %s: %w", c.Name, err)
	}
	q := listing.Query{Kind: workload.ReplicaSetKind, Namespace: c.object.GetNamespace(), Selector: selector}
	err = p.Live.Each(ctx, q, func(object []byte) error {
		rs, err := listing.Decode[workload.ReplicaSet](object)
		if err != nil || !rs.ControlledBy(c.object.GetUID()) || rs.Spec.Replicas == 0 && rs.Status.Replicas == 0 {
			return err
		}
		var template hold.Template
		if err := jsontree.Unmarshal(rs.Spec.Template, &template); err != nil {
			return fmt.Errorf("template of ReplicaSet %q: %w", rs.Metadata.Name, err)
		}
		c.Leaving = append(c.Leaving, surround.ConfigMaps(template)...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("list ReplicaSets of Deployment %s: %w", c.Name, err)
	}
	return nil
}
