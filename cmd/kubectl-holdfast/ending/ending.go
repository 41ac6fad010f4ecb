// Package ending says how an update has ended, for pipelines that wait for its verdict.
//
// It is pure.
package ending

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// The exit codes of kubectl holdfast wait.
const (
	Released = 0
	Reverted = 1
	Neither  = 2
)

// Ending is how an update ended, if it has.
type Ending struct {
	// Done says that it has.
	Done bool
	// Code is how.
	Code int
	// Says is that for people, or what it waits for.
	Says string
}

// OfRun is how a run ended. One that ended without a verdict of its update (because that was withdrawn, let
// through or replaced by a newer one) is neither released nor reverted by it.
func OfRun(run *v1alpha1.CanaryRun) Ending {
	says := fmt.Sprintf("run %s is %s", run.Name, run.Status.Phase)
	if run.Status.Phase == "" {
		says = fmt.Sprintf("run %s has not begun", run.Name)
	}
	if run.Status.Reason != "" {
		says += " (" + run.Status.Reason + ")"
	}
	if run.Status.Message != "" {
		says += ": " + run.Status.Message
	}
	switch run.Status.Phase {
	case v1alpha1.PhaseReleased, v1alpha1.PhasePassed:
		return Ending{true, Released, says}
	case v1alpha1.PhaseReverted:
		return Ending{true, Reverted, says}
	}
	return Ending{run.Status.Phase.Ended(), Neither, says}
}

// Deployment is what must be known of a Deployment.
type Deployment struct {
	Name        string
	UID         types.UID
	Annotations map[string]string
	// Runs are its runs, the newest last.
	Runs []v1alpha1.CanaryRun
}

// OfDeployment is how the update ended that was last asked for, which is known of a Deployment alone: it may
// have been held, and be on trial or wait for its turn; it may have been rejected, by this run or an earlier
// one; or it runs, because it was released or never held.
func OfDeployment(d Deployment) Ending {
	if encoded := d.Annotations[v1alpha1.HeldAnnotation]; encoded != "" {
		return d.held(encoded)
	}
	if hash := d.Annotations[v1alpha1.FailedAnnotation]; hash != "" {
		return d.failed(hold.Hash(hash))
	}
	if newest := d.newest(); newest != nil {
		switch phase := newest.Status.Phase; {
		case phase == v1alpha1.PhaseReleased, phase == v1alpha1.PhasePassed:
			return OfRun(newest)
		case !phase.Ended(): // what ends it is on its way, or the Deployment rolls out
			return OfRun(newest)
		}
	}
	return Ending{true, Released, fmt.Sprintf("no update of Deployment %s is held, and what was last asked for was not rejected: it runs", d.Name)}
}

// held: an update is on trial, or waits behind another one.
func (d Deployment) held(encoded string) Ending {
	record, err := hold.Peek(encoded)
	if err != nil {
		return Ending{false, Neither, fmt.Sprintf("Deployment %s has a held record that cannot be read", d.Name)}
	}
	if record.Next != nil {
		return Ending{false, Neither, fmt.Sprintf("the update waits until run %s of the one before it has ended", record.Run)}
	}
	for i := range d.Runs {
		if d.Runs[i].Name == record.Run {
			return OfRun(&d.Runs[i])
		}
	}
	return Ending{false, Neither, fmt.Sprintf("run %s is not there yet", record.Run)}
}

// failed: the update that was last asked for was rejected.
func (d Deployment) failed(hash hold.Hash) Ending {
	says := fmt.Sprintf("the update of Deployment %s that was last asked for was rejected", d.Name)
	memory, err := hold.ParseRejected(d.Annotations[v1alpha1.RejectedAnnotation], d.UID)
	if err != nil {
		return Ending{true, Reverted, says}
	}
	if r, found := memory.Find(hash, ""); found {
		says += fmt.Sprintf(", by run %s (%s): %s", r.Run, r.Reason, r.Message)
		if r.Passed {
			return Ending{true, Released, fmt.Sprintf("run %s of the update that was last asked for was a dry run, and good", r.Run)}
		}
	}
	return Ending{true, Reverted, says}
}

// newest is the newest run of a held update.
func (d Deployment) newest() *v1alpha1.CanaryRun {
	for i := len(d.Runs) - 1; i >= 0; i-- {
		if !d.Runs[i].Spec.ByHand() {
			return &d.Runs[i]
		}
	}
	return nil
}
