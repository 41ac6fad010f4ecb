package deployments_test

import (
	"errors"
	"slices"
	"testing"

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
		"opted in a moment ago":            {[]func(*evaluatortest.Cluster){stamp("")}, "v1", nil, 0, 1},
		"changed past the webhook":         {[]func(*evaluatortest.Cluster){set("v3")}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"changed where nothing is guarded": {[]func(*evaluatortest.Cluster){unguard, set("v3")}, "", nil, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			for _, do := range tc.do {
				do(c)
			}
			c.Passes(4)
			want := ""
			if tc.stamp != "" {
				want = string(evaluatortest.HashOf(t, tc.stamp))
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
