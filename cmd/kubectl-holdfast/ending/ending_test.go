package ending

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

func run(name string, phase v1alpha1.Phase, reason, message string) v1alpha1.CanaryRun {
	r := v1alpha1.CanaryRun{}
	r.Name, r.Spec.Hold = name, "h"
	r.Status.Phase, r.Status.Reason, r.Status.Message = phase, reason, message
	return r
}

func TestOfRun(t *testing.T) {
	for _, tc := range []struct {
		phase v1alpha1.Phase
		done  bool
		code  int
	}{
		{"", false, Neither},
		{v1alpha1.PhaseScheduled, false, Neither},
		{v1alpha1.PhaseWaiting, false, Neither},
		{v1alpha1.PhaseStarting, false, Neither},
		{v1alpha1.PhaseRunning, false, Neither},
		{v1alpha1.PhasePaused, false, Neither},
		{v1alpha1.PhaseFrozen, false, Neither},
		{v1alpha1.PhaseReleasing, false, Neither},
		{v1alpha1.PhaseReleased, true, Released},
		{v1alpha1.PhasePassed, true, Released},
		{v1alpha1.PhaseReverted, true, Reverted},
		{v1alpha1.PhaseCanceled, true, Neither},
		{v1alpha1.PhaseSuperseded, true, Neither},
	} {
		r := run("web-a", tc.phase, "Because", "of this")
		if got := OfRun(&r); got.Done != tc.done || got.Code != tc.code || !strings.HasSuffix(got.Says, "(Because): of this") {
			t.Errorf("%s: %+v", tc.phase, got)
		}
	}
}

func TestOfDeployment(t *testing.T) {
	const uid types.UID = "u"
	record := func(next *hold.Record) string {
		sealed, err := hold.NewKey().Seal(hold.Record{ID: "i", Run: "web-b", UID: uid, HeldAt: time.Unix(0, 0), Template: hold.Template{}, Next: next})
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	rejected := func(passed bool, uid types.UID) string {
		text, err := hold.Rejected{{Hash: "hash", Run: "web-a", UID: uid, Reason: "Crashed", Message: "exit code 1", Passed: passed}}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	old := run("web-a", v1alpha1.PhaseReverted, "Crashed", "")
	for name, tc := range map[string]struct {
		annotations map[string]string
		runs        []v1alpha1.CanaryRun
		want        Ending
	}{
		"held, and its run is not there yet": {
			map[string]string{v1alpha1.HeldAnnotation: record(nil)}, []v1alpha1.CanaryRun{old}, Ending{false, Neither, "run web-b is not there yet"},
		},
		"held, and on trial": {
			map[string]string{v1alpha1.HeldAnnotation: record(nil)}, []v1alpha1.CanaryRun{old, run("web-b", v1alpha1.PhaseRunning, "", "")}, Ending{false, Neither, "run web-b is Running"},
		},
		"held, and the verdict is there already": {
			map[string]string{v1alpha1.HeldAnnotation: record(nil)}, []v1alpha1.CanaryRun{run("web-b", v1alpha1.PhaseReverted, "Worse", "")}, Ending{true, Reverted, "run web-b is Reverted (Worse)"},
		},
		"held behind another, whose end says nothing": {
			map[string]string{v1alpha1.HeldAnnotation: record(&hold.Record{ID: "j", Run: "web-c", UID: uid, Template: hold.Template{}})},
			[]v1alpha1.CanaryRun{run("web-b", v1alpha1.PhaseReverted, "", "")}, Ending{false, Neither, "the update waits until run web-b"},
		},
		"a record that cannot be read": {map[string]string{v1alpha1.HeldAnnotation: "?"}, nil, Ending{false, Neither, "cannot be read"}},
		"rejected, be it long ago": {
			map[string]string{v1alpha1.FailedAnnotation: "hash", v1alpha1.RejectedAnnotation: rejected(false, uid)}, []v1alpha1.CanaryRun{old, run("web-b", v1alpha1.PhaseReleased, "", "")},
			Ending{true, Reverted, "was rejected, by run web-a (Crashed): exit code 1"},
		},
		"rejected, and the memory is of another Deployment": {
			map[string]string{v1alpha1.FailedAnnotation: "hash", v1alpha1.RejectedAnnotation: rejected(false, "other")}, nil, Ending{true, Reverted, "that was last asked for was rejected"},
		},
		"remembered by a dry run": {
			map[string]string{v1alpha1.FailedAnnotation: "hash", v1alpha1.RejectedAnnotation: rejected(true, uid)}, nil, Ending{true, Released, "was a dry run, and good"},
		},
		"released, and being rolled out": {nil, []v1alpha1.CanaryRun{run("web-b", v1alpha1.PhaseReleasing, "PeriodOver", "")}, Ending{false, Neither, "run web-b is Releasing"}},
		"released":                       {nil, []v1alpha1.CanaryRun{old, run("web-b", v1alpha1.PhaseReleased, "RolledOut", "")}, Ending{true, Released, "run web-b is Released (RolledOut)"}},
		"a dry run":                      {nil, []v1alpha1.CanaryRun{run("web-b", v1alpha1.PhasePassed, "", "")}, Ending{true, Released, "run web-b is Passed"}},
		"never held":                     {nil, nil, Ending{true, Released, "no update of Deployment web is held"}},
		"passed after one that was reverted": {
			map[string]string{v1alpha1.RejectedAnnotation: rejected(false, uid)}, []v1alpha1.CanaryRun{old}, Ending{true, Released, "it runs"},
		},
		"a run that a user made says nothing of it": {
			nil, []v1alpha1.CanaryRun{func() v1alpha1.CanaryRun { r := run("mine", v1alpha1.PhaseRunning, "", ""); r.Spec.Hold = ""; return r }()}, Ending{true, Released, "it runs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := OfDeployment(Deployment{Name: "web", UID: uid, Annotations: tc.annotations, Runs: tc.runs})
			if got.Done != tc.want.Done || got.Code != tc.want.Code || !strings.Contains(got.Says, tc.want.Says) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
