package evaluator

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestUngatedUpdates(t *testing.T) {
	set := func(tag string) func(*cluster) {
		return func(c *cluster) {
			d := c.deployment()
			d.Spec.Template = web(tag).Spec.Template
			c.must(c.api.Update(c.t.Context(), d))
		}
	}
	stamp := func(value string) func(*cluster) {
		return func(c *cluster) { c.annotateDeployment(map[string]string{v1alpha1.StableAnnotation: value}) }
	}
	unguard := func(c *cluster) {
		ns := &corev1.Namespace{}
		c.must(c.api.Get(c.t.Context(), types.NamespacedName{Name: namespace}, ns))
		ns.Labels = nil
		c.must(c.api.Update(c.t.Context(), ns))
	}
	for name, tc := range map[string]struct {
		do     []func(*cluster)
		stamp  string // the tag the stamp is the hash of, "" for no stamp
		events []string
		count  float64
		writes int
	}{
		"nothing has changed":              {nil, "v1", nil, 0, 0},
		"opted in a moment ago":            {[]func(*cluster){stamp("")}, "v1", nil, 0, 1},
		"changed past the webhook":         {[]func(*cluster){set("v3")}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"changed where nothing is guarded": {[]func(*cluster){unguard, set("v3")}, "", nil, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			for _, do := range tc.do {
				do(c)
			}
			c.passes(4)
			want := ""
			if tc.stamp != "" {
				want = string(hashOf(t, tc.stamp))
			}
			if got := c.deployment().Annotations[v1alpha1.StableAnnotation]; got != want {
				t.Errorf("stamp %q, want that of %q", got, tc.stamp)
			}
			c.wantEvents(tc.events...)
			if got := c.count("holdfast_ungated_updates_total", ""); got != tc.count || c.writes != tc.writes {
				t.Errorf("counted %v, %d writes", got, c.writes)
			}
		})
	}
}

// The stamp is written before the update is told: what is told was counted once.
func TestAnUngatedUpdateIsToldOnceWhenTheWriteFails(t *testing.T) {
	c := newCluster(t)
	d := c.deployment()
	d.Spec.Template = web("v3").Spec.Template
	c.must(c.api.Update(t.Context(), d))
	c.failAt = 1
	c.passes(1)
	c.wantEvents()
	c.passes(3)
	c.wantEvents("UngatedUpdate")
}

// The mark of a failed update says what was asked for last. It is no longer true
// when another template has passed, and of no use where nothing is guarded.
func TestTheMarkOfAFailedUpdateEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(*appsv1.Deployment)
		want string
	}{
		"not by itself": {func(*appsv1.Deployment) {}, "hash"},
		"with an update past the webhook": {func(d *appsv1.Deployment) {
			d.Spec.Template = web("v3").Spec.Template
		}, ""},
		"with the guard": {func(d *appsv1.Deployment) {
			d.Annotations[v1alpha1.CanaryAnnotation] = v1alpha1.CanaryDisabled
		}, ""},
		"with the guard, if it was set after the stamp had gone": {func(d *appsv1.Deployment) {
			d.Annotations[v1alpha1.CanaryAnnotation] = v1alpha1.CanaryDisabled
			delete(d.Annotations, v1alpha1.StableAnnotation)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			d := c.deployment()
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.FailedAnnotation, "hash")
			tc.do(d)
			c.must(c.api.Update(t.Context(), d))
			c.passes(2)
			if got := c.deployment().Annotations[v1alpha1.FailedAnnotation]; got != tc.want {
				t.Errorf("the mark is %q, want %q", got, tc.want)
			}
		})
	}
}

// What passed the webhook by is newer than what is held: it stays, and the hold
// ends, whatever its canary was like and even if it had passed already.
func TestAnUngatedUpdateOutlivesTheHold(t *testing.T) {
	for name, before := range map[string]int{"held a moment ago": 1, "measured": 8, "released in this moment": 14} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.hold()
			c.webhookDown = true
			c.passes(before)
			d := c.deployment()
			d.Spec.Template = web("v3").Spec.Template
			c.must(c.api.Update(t.Context(), d))
			c.webhookDown = false
			c.passes(30)
			held := c.deployment().Annotations[v1alpha1.HeldAnnotation]
			if got := image(c.deployment()); got != "v3" || held != "" || c.releases > 0 || c.canaries() > 0 {
				t.Errorf("image %s, record %q, %d releases, %d canaries", got, held, c.releases, c.canaries())
			}
			if run := c.run(); run.Status.Phase != v1alpha1.PhaseCanceled {
				t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
			}
		})
	}
}

// A webhook after Holdfast that changes the stable template of a request that is
// held makes an ungated update of it, and leaves the hold alone.
func TestAnUngatedChangeOfTheRequestThatIsHeldLeavesTheHold(t *testing.T) {
	c := newCluster(t)
	c.hold()
	d := c.deployment()
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "INJECTED"}}
	c.must(c.api.Update(t.Context(), d))
	c.failAt = 2 // the run is made, and the stamp is not written at once
	c.passes(5)
	if run := c.run(); run.Status.Phase.Ended() || c.deployment().Annotations[v1alpha1.HeldAnnotation] == "" {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
	if !slices.Contains(c.told(), "UngatedUpdate") {
		t.Errorf("told: %v", c.told())
	}
}

// A Deployment that was opted in a moment ago has no stamp yet: what is held there
// is not dropped with the first one.
func TestTheFirstStampLeavesTheHold(t *testing.T) {
	c := newCluster(t)
	c.hold()
	c.passes(2)
	c.annotateDeployment(map[string]string{v1alpha1.StableAnnotation: ""})
	c.passes(30)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
}
