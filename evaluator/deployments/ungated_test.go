package deployments_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/hold"
)

func TestUngatedUpdates(t *testing.T) {
	set := func(tag string) func(*evaluatortest.Cluster) {
		return func(c *evaluatortest.Cluster) {
			d := c.Deployment()
			d.Spec.Template = evaluatortest.Web(tag).Spec.Template
			c.Must(c.API.Update(c.T.Context(), d))
		}
	}
	stamp := func(value string) func(*evaluatortest.Cluster) {
		return func(c *evaluatortest.Cluster) {
			c.AnnotateDeployment(map[string]string{v1alpha1.StableAnnotation: value})
		}
	}
	changes := func(generation int64) func(*evaluatortest.Cluster) {
		return func(c *evaluatortest.Cluster) {
			d := c.Deployment()
			d.Generation = generation
			c.Must(c.API.Update(c.T.Context(), d))
		}
	}
	// unknown: nothing says that the Deployments of the namespace were stamped once.
	unknown := func(value string) func(*evaluatortest.Cluster) {
		return func(c *evaluatortest.Cluster) {
			ns := &corev1.Namespace{}
			c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Name: evaluatortest.Namespace}, ns))
			ns.Annotations[v1alpha1.StampedAnnotation] = value
			c.Must(c.API.Update(c.T.Context(), ns))
		}
	}
	young := func(c *evaluatortest.Cluster) {
		d := c.Deployment()
		d.CreationTimestamp = metav1.NewTime(c.Clock.Now().Add(-10 * time.Second))
		c.Must(c.API.Update(c.T.Context(), d))
	}
	ofV3 := evaluatortest.HashOf(t, "v3")
	passing := evaluatortest.Key.SealStamp(hold.Passing("what-was-asked-for", 6), "uid-web")
	elsewhere := evaluatortest.Key.SealStamp(hold.Stamp{Hash: ofV3}, "uid-elsewhere")
	lostKey := hold.NewKey()
	unguard := func(c *evaluatortest.Cluster) {
		ns := &corev1.Namespace{}
		c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Name: evaluatortest.Namespace}, ns))
		ns.Labels = nil
		c.Must(c.API.Update(c.T.Context(), ns))
	}
	for name, tc := range map[string]struct {
		do     []func(*evaluatortest.Cluster)
		stamp  string // the tag the stamp is the hash of, "" for no stamp
		events []string
		count  float64
		writes int
	}{
		"nothing has changed":              {nil, "v1", nil, 0, 0},
		"made and scaled a moment ago":     {[]func(*evaluatortest.Cluster){stamp(""), changes(7), young}, "v1", nil, 0, 1},
		"made a moment ago":                {[]func(*evaluatortest.Cluster){stamp(""), changes(2)}, "v1", nil, 0, 1},
		"changed past the webhook":         {[]func(*evaluatortest.Cluster){set("v3")}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"changed where nothing is guarded": {[]func(*evaluatortest.Cluster){unguard, set("v3")}, "", nil, 0, 1},
		// The namespace, too, is written: that the guard has stamped all there is.
		"opted in a moment ago":       {[]func(*evaluatortest.Cluster){unknown(""), stamp(""), changes(7)}, "v1", nil, 0, 2},
		"restored in another cluster": {[]func(*evaluatortest.Cluster){unknown(evaluatortest.Key.SealStamped("2026", "uid-elsewhere")), stamp(elsewhere), changes(7)}, "v1", nil, 0, 2},
		"after the key was lost":      {[]func(*evaluatortest.Cluster){unknown(lostKey.SealStamped("2026", evaluatortest.NamespaceUID)), stamp(lostKey.SealStamp(hold.Stamp{Hash: ofV3}, "uid-web")), changes(7)}, "v1", nil, 0, 2},
		// What who can write Deployments can write.
		"the stamp taken off with the change":         {[]func(*evaluatortest.Cluster){set("v3"), stamp(""), changes(7)}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"the hash alone for a stamp":                  {[]func(*evaluatortest.Cluster){set("v3"), stamp(string(ofV3)), changes(7)}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"the stamp of another Deployment":             {[]func(*evaluatortest.Cluster){set("v3"), stamp(elsewhere), changes(7)}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"a stamp that the webhook gave a while ago":   {[]func(*evaluatortest.Cluster){set("v3"), stamp(passing), changes(9)}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"the stamp that the webhook gave it just now": {[]func(*evaluatortest.Cluster){set("v3"), stamp(passing), changes(8)}, "v3", nil, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			for _, do := range tc.do {
				do(c)
			}
			c.Passes(4)
			want := ""
			if tc.stamp != "" {
				want = evaluatortest.Stamp(t, tc.stamp)
			}
			if got := c.Deployment().Annotations[v1alpha1.StableAnnotation]; got != want {
				t.Errorf("stamp %q, want that of %q", got, tc.stamp)
			}
			c.WantEvents(tc.events...)
			if got := c.Count("holdfast_ungated_updates_total", ""); got != tc.count || c.Writes != tc.writes {
				t.Errorf("counted %v, %d writes", got, c.Writes)
			}
		})
	}
}

// An update that cannot be tried, here because of a quota, is no cover for one that passes the webhook by.
func TestAnUngatedUpdateIsToldWhereNoRunCanBeMade(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Full = apierrors.NewForbidden(schema.GroupResource{Resource: "canaryruns"}, "web", errors.New("exceeded quota: none"))
	c.Hold()
	request := evaluatortest.Request(evaluatortest.Namespace, "web")
	ctx := ctrl.LoggerInto(t.Context(), logr.Discard())
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, request); err == nil {
		t.Fatal("the run is made")
	}
	d := c.Deployment()
	d.Spec.Template = evaluatortest.Web("v3").Spec.Template
	c.Must(c.API.Update(t.Context(), d))
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, request); err != nil { // the stamp is written
		t.Fatal(err)
	}
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, request); err == nil {
		t.Error("nobody tries again to make the run")
	}
	c.WantEvents("RunNotCreated", "UngatedUpdate")
}

// The update is told before the stamp is written, which keeps it from being told again: by the next evaluator
// where that write failed, and by this one not.
func TestAnUngatedUpdateIsToldOnceWhenTheWriteFails(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	d := c.Deployment()
	d.Spec.Template = evaluatortest.Web("v3").Spec.Template
	c.Must(c.API.Update(t.Context(), d))
	c.FailAt = 1
	c.Passes(4)
	c.WantEvents("UngatedUpdate")
	d = c.Deployment()
	d.Spec.Template = evaluatortest.Web("v4").Spec.Template
	c.Must(c.API.Update(t.Context(), d))
	c.FailAt = c.Writes + 1
	c.Passes(1)
	c.Another(nil)
	c.Passes(3)
	c.WantEvents("UngatedUpdate", "UngatedUpdate", "UngatedUpdate")
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
			d.Spec.Template = evaluatortest.Web("v3").Spec.Template
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
			c := evaluatortest.NewCluster(t)
			d := c.Deployment()
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.FailedAnnotation, "hash")
			tc.do(d)
			c.Must(c.API.Update(t.Context(), d))
			c.Passes(2)
			if got := c.Deployment().Annotations[v1alpha1.FailedAnnotation]; got != tc.want {
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
			c := evaluatortest.NewCluster(t)
			c.Hold()
			c.WebhookDown = true
			c.Passes(before)
			d := c.Deployment()
			d.Spec.Template = evaluatortest.Web("v3").Spec.Template
			c.Must(c.API.Update(t.Context(), d))
			c.WebhookDown = false
			c.Passes(30)
			held := c.Deployment().Annotations[v1alpha1.HeldAnnotation]
			if got := evaluatortest.Image(c.Deployment()); got != "v3" || held != "" || c.Releases > 0 || c.Canaries() > 0 {
				t.Errorf("image %s, record %q, %d releases, %d canaries", got, held, c.Releases, c.Canaries())
			}
			if run := c.Run(); run.Status.Phase != v1alpha1.PhaseCanceled {
				t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
			}
		})
	}
}

// A webhook after Holdfast that changes the stable template of a request that is
// held makes an ungated update of it, and leaves the hold alone.
func TestAnUngatedChangeOfTheRequestThatIsHeldLeavesTheHold(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	d := c.Deployment()
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "INJECTED"}}
	c.Must(c.API.Update(t.Context(), d))
	c.FailAt = 2 // the run is made, and the stamp is not written at once
	c.Passes(5)
	if run := c.Run(); run.Status.Phase.Ended() || c.Deployment().Annotations[v1alpha1.HeldAnnotation] == "" {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
	if !slices.Contains(c.Told(), "UngatedUpdate") {
		t.Errorf("told: %v", c.Told())
	}
}

// A Deployment that was opted in a moment ago has no stamp yet: what is held there
// is not dropped with the first one.
func TestTheFirstStampLeavesTheHold(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(2)
	c.AnnotateDeployment(map[string]string{v1alpha1.StableAnnotation: ""})
	c.Passes(30)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
}

// A namespace says that all of its Deployments are stamped when the last of them is, and while it is guarded.
func TestANamespaceSaysWhenAllAreStamped(t *testing.T) {
	other := evaluatortest.Web("v1")
	other.Name, other.UID, other.Generation = "other", "uid-other", 7
	c := evaluatortest.NewCluster(t, other)
	said := func() string {
		ns := &corev1.Namespace{}
		c.Must(c.API.Get(t.Context(), types.NamespacedName{Name: evaluatortest.Namespace}, ns))
		return ns.Annotations[v1alpha1.StampedAnnotation]
	}
	ns := &corev1.Namespace{}
	c.Must(c.API.Get(t.Context(), types.NamespacedName{Name: evaluatortest.Namespace}, ns))
	delete(ns.Annotations, v1alpha1.StampedAnnotation)
	c.Must(c.API.Update(t.Context(), ns))
	c.Passes(2)
	if said() != "" {
		t.Errorf("it says %q, and one of its Deployments has no stamp", said())
	}
	ctx := ctrl.LoggerInto(t.Context(), logr.Discard())
	for range 2 {
		if _, err := c.Evaluator.Deployments.Reconcile(ctx, evaluatortest.Request(evaluatortest.Namespace, "other")); err != nil {
			t.Fatal(err)
		}
	}
	if _, known := evaluatortest.Key.OpenStamped(said(), evaluatortest.NamespaceUID); !known {
		t.Errorf("it says %q", said())
	}
	c.WantEvents()
}
