// Package act takes the actions of runs. Done twice they do no more than once.
package act

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/hold"
)

// errNameTaken is for a set of pods whose name another object has.
var errNameTaken = errors.New("a ReplicaSet of that name belongs to something else")

// Executor takes actions.
type Executor struct {
	Objects *objects.Reader
	Writer  client.Writer
	// Router gives canaries their share of the requests by routes.
	Router *traffic.Router
}

// Execute takes one action, and returns what is to be told of it beyond what the status says.
func (e *Executor) Execute(ctx context.Context, seen gather.Observed, action lifecycle.Action) ([]lifecycle.Transition, error) {
	switch a := action.(type) {
	case lifecycle.Quarantine:
		return e.quarantine(ctx, seen, a.Pod)
	case lifecycle.Readmit:
		return e.readmit(ctx, seen, a.Pod)
	case lifecycle.PutOut:
		done, err := e.deletePod(ctx, seen.CanaryRun.Namespace, a.Pod)
		return toldIf(done, tell.PutOut(a.Pod)), err
	case lifecycle.DeleteLeft:
		done, err := e.deletePod(ctx, seen.CanaryRun.Namespace, a.Pod)
		return toldIf(done, tell.DeletedLeft(a.Pod)), err
	}
	return nil, e.change(ctx, seen, action)
}

// toldIf is a transition of what was done, and none of what was done before or failed.
func toldIf(done bool, t lifecycle.Transition) []lifecycle.Transition {
	if !done {
		return nil
	}
	return []lifecycle.Transition{t}
}

// change takes an action that shows in the status.
func (e *Executor) change(ctx context.Context, seen gather.Observed, action lifecycle.Action) error {
	switch a := action.(type) {
	case lifecycle.CreateCanary:
		if seen.NewCanary == nil {
			return fmt.Errorf("%w: there is no template to make a canary of", objects.ErrStale)
		}
		return e.createSet(ctx, seen, seen.NewCanary, a.Replicas)
	case lifecycle.ScaleCanary:
		return e.scaleSet(ctx, seen, seen.CanaryName(), a.Replicas)
	case lifecycle.DeleteCanary:
		return e.deleteSet(ctx, seen, seen.CanaryName())
	case lifecycle.CreateBaseline:
		return e.createBaseline(ctx, seen, a.Replicas)
	case lifecycle.ScaleBaseline:
		return e.scaleSet(ctx, seen, seen.BaselineName(), a.Replicas)
	case lifecycle.DeleteBaseline:
		return e.deleteSet(ctx, seen, seen.BaselineName())
	case lifecycle.EmptyLeftover:
		return e.scaleSet(ctx, seen, a.Name, 0)
	case lifecycle.DeleteLeftover:
		return e.deleteSet(ctx, seen, a.Name)
	case lifecycle.ServeCanary, lifecycle.ShareTraffic, lifecycle.StopServing:
		return e.routeTraffic(ctx, seen, action)
	case lifecycle.Autoscale:
		return e.autoscale(ctx, seen, a)
	case lifecycle.StopAutoscaling:
		return e.stopAutoscaling(ctx, seen, a.Name)
	case lifecycle.Release:
		return objects.Annotate(ctx, e.Writer, seen.DeploymentObject, map[string]any{v1alpha1.ReleaseAnnotation: a.Hold})
	case lifecycle.Revert:
		return e.revert(ctx, seen, a)
	case lifecycle.GiveWay:
		record, err := seen.Record(e.Objects)
		if err != nil {
			return err
		}
		return e.Objects.GiveWay(ctx, e.Writer, seen.DeploymentObject, record)
	}
	return fmt.Errorf("unknown action %T", action)
}

// revert takes the record off the Deployment, or leaves that of the update that waits behind it,
// remembers the rejection, and lets tools that wait fail, in one write.
func (e *Executor) revert(ctx context.Context, seen gather.Observed, a lifecycle.Revert) error {
	memory, err := hold.ParseRejected(seen.DeploymentObject.Annotation(v1alpha1.RejectedAnnotation), seen.DeploymentObject.GetUID())
	if err != nil {
		memory = nil // what cannot be read was written by hand, and is written anew
	}
	rejection := a.Rejection
	rejection.UID = seen.DeploymentObject.GetUID()
	record, err := seen.Record(e.Objects)
	if err != nil {
		return err
	}
	if record != nil {
		rejection.Version = record.Version
	}
	encoded, err := memory.With(rejection).Encode()
	if err != nil {
		return err
	}
	next, err := e.Objects.NextRecord(record)
	if err != nil {
		return err
	}
	marks := map[string]any{
		v1alpha1.HeldAnnotation:     next,
		v1alpha1.RejectedAnnotation: encoded,
		v1alpha1.FailedAnnotation:   string(a.Rejection.Hash),
	}
	if next != nil { // what was last asked for is the update that waited, and it is held
		marks[v1alpha1.FailedAnnotation] = nil
	}
	return objects.Annotate(ctx, e.Writer, seen.DeploymentObject, marks)
}

// LastWord says whether an error is the last word on an action, and gives its message.
func LastWord(err error) (string, bool) {
	if errors.Is(err, errNameTaken) || errors.Is(err, traffic.ErrNameTaken) || errors.Is(err, errNoAutoscaler) || errors.Is(err, canary.ErrInvalid) {
		return err.Error(), true
	}
	return refusal.Final(err)
}
