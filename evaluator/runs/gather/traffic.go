package gather

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/surround"
)

// gatherTraffic looks what routes give the canary of a run.
func (g *Gatherer) gatherTraffic(ctx context.Context, seen *Observed) error {
	if !lifecycle.NeedsTraffic(seen.Snapshot) {
		return nil
	}
	run, err := seen.TrafficRun(ctx, g.Objects)
	if err != nil {
		return err
	}
	seen.Traffic, err = g.Router.Look(ctx, run, seen.CanaryRun.Status.Weight)
	return err
}

// TrafficRun is what must be known of a run to find its routes. Without its Deployment they are found by
// their records.
func (o Observed) TrafficRun(ctx context.Context, reader *objects.Reader) (traffic.Run, error) {
	run := traffic.Run{
		Namespace: o.CanaryRun.Namespace, Name: o.CanaryRun.Name, UID: o.CanaryRun.UID, Deployment: o.CanaryRun.Spec.Deployment,
		Source: lifecycle.SourceOf(o.Snapshot),
	}
	if !o.Deployment.Exists {
		return run, nil
	}
	template, err := reader.StableTemplate(ctx, o.DeploymentObject)
	if err != nil {
		return run, err
	}
	run.Pods = surround.Of(template).Labels
	return run, nil
}

// leftOut are the labels of its template that a canary leaves out, so that no Service of its Deployment
// has it behind it.
func (g *Gatherer) leftOut(ctx context.Context, seen Observed, template hold.Template) ([]string, error) {
	if !lifecycle.IsApart(seen.Snapshot) {
		return nil, nil
	}
	return g.Router.Without(ctx, seen.CanaryRun.Namespace, surround.Of(template).Labels)
}

// withTemplateLabels is a ReplicaSet whose pods leave no label of their template out: by these it is
// told which Service the requests of a canary are for.
func withTemplateLabels(rs *unstructured.Unstructured, template hold.Template) *unstructured.Unstructured {
	out := rs.DeepCopy()
	for key, value := range surround.Of(template).Labels {
		if _, has, _ := unstructured.NestedString(out.Object, "spec", "template", "metadata", "labels", key); !has {
			_ = unstructured.SetNestedField(out.Object, value, "spec", "template", "metadata", "labels", key) // they are maps, the pods have labels
		}
	}
	return out
}
