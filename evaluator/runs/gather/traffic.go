package gather

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe/inject"
	"holdfast.dev/holdfast/internal/surround"
)

// gatherTraffic looks what routes give the canary of a run.
func (g *Gatherer) gatherTraffic(ctx context.Context, seen *Observed) error {
	if !lifecycle.NeedsTraffic(seen.Snapshot) {
		return nil
	}
	run, err := g.trafficRun(ctx, *seen)
	if err != nil {
		return err
	}
	seen.TrafficRun = run
	seen.Traffic, err = g.Router.Look(ctx, run, seen.CanaryRun.Status.Weight)
	return err
}

// trafficRun is what must be known of a run to find its routes. Without its Deployment they are found by
// their records.
func (g *Gatherer) trafficRun(ctx context.Context, seen Observed) (traffic.Run, error) {
	run := traffic.Run{
		Namespace: seen.CanaryRun.Namespace, Name: seen.CanaryRun.Name, UID: seen.CanaryRun.UID, Deployment: seen.CanaryRun.Spec.Deployment,
		Source: lifecycle.SourceOf(seen.Snapshot), Matches: lifecycle.MatchesFor(seen.Snapshot), Partly: lifecycle.GivesPartly(seen.Snapshot),
	}
	if !seen.Deployment.Exists {
		return run, nil
	}
	if probeOf(seen) != nil {
		built, err := g.canaryAsBuilt(ctx, seen)
		if err != nil {
			return run, err
		}
		if built != nil {
			run.Measured = inject.PortsOf(canary.TemplateOf(built))
		}
	}
	if labels, known := g.Looks.StableLabels(client.ObjectKeyFromObject(seen.CanaryRun), seen.DeploymentObject.Hash()); known {
		run.Pods = labels
		return run, nil
	}
	template, err := seen.StableTemplate(ctx, g.Objects)
	if err != nil {
		return run, err
	}
	run.Pods = surround.Read(template).Labels
	return run, nil
}

// leftOut are the labels of its template that a canary leaves out, so that no Service of its Deployment has
// it behind it, nor its autoscaler counts it. Of one that is there, and known to be as it was made, nobody
// asks.
func (g *Gatherer) leftOut(ctx context.Context, seen Observed, template hold.Template) ([]string, error) {
	if !lifecycle.IsApart(seen.Snapshot) || seen.canaryIsAsMade() {
		return nil, nil
	}
	selector, err := g.Objects.Selector(ctx, seen.DeploymentObject)
	if err != nil {
		return nil, err
	}
	pods := surround.Read(template).Labels
	without, err := g.Router.Without(ctx, seen.CanaryRun.Namespace, selector, pods)
	if err == nil && lifecycle.HPAOf(seen.Snapshot) != nil && !canary.LeftBy(selector, pods, without) {
		return nil, fmt.Errorf("%w: whatever label its pods leave out, the selector of Deployment %s selects them, which asks for no label; "+
			"an autoscaler of the Deployment would stop for those of the canary, so take scale.hpa off the plan", canary.ErrInvalid, seen.DeploymentObject.GetName())
	}
	return without, err
}

// canaryIsAsMade says whether the ReplicaSet of the canary is there, and the one that Holdfast remembers to
// have made.
func (o Observed) canaryIsAsMade() bool {
	own, rs := o.CanaryRun.Status.Canary, o.Sets[o.CanaryName()]
	return own != nil && rs != nil && own.UID == rs.UID && own.Print == string(objects.PrintOfSet(rs))
}

// withTemplateLabels is a ReplicaSet whose pods leave no label of their template out: by these it is
// told which Service the requests of a canary are for.
func withTemplateLabels(rs *unstructured.Unstructured, template hold.Template) *unstructured.Unstructured {
	out := rs.DeepCopy()
	for key, value := range surround.Read(template).Labels {
		if _, has, _ := unstructured.NestedString(out.Object, "spec", "template", "metadata", "labels", key); !has {
			_ = unstructured.SetNestedField(out.Object, value, "spec", "template", "metadata", "labels", key) // they are maps, the pods have labels
		}
	}
	return out
}
