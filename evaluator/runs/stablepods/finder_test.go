package stablepods_test

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/listing"
)

// ofStable is a metric of the stable pods alone.
func ofStable() v1alpha1.Metric {
	one := 1.0
	return v1alpha1.Metric{Name: "stable", Query: "sum(rate(x[1m])) - sum(rate(x{ {{stable}} }[1m]))", Range: v1alpha1.Range{Max: &one}}
}

func controlledBy(kind, name string) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: "apps/v1", Kind: kind, Name: name, UID: types.UID("uid-of-" + kind + name), Controller: &yes}
}

// Pods of others that are named as the stable ones, and have their labels, are not
// measured with them, whenever they come; nor are those of the revision before.
func TestPodsThatAreNamedAsTheStableOnesAreNotMeasured(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(ofStable())
	before := evaluatortest.OwnReplicaSet(c.Deployment(), "web-0", "0")
	before.Spec.Replicas, before.Status = new(int32), appsv1.ReplicaSetStatus{}
	before.Spec.Template.Spec.Containers[0].Image = "v0"
	c.Must(c.API.Create(t.Context(), before))
	c.Pod("web-0-old", "web-0-", *metav1.NewControllerRef(before, appsv1.SchemeGroupVersion.WithKind("ReplicaSet")))
	c.Pod("web-1-2xk9c", "web-1-", controlledBy("Job", "web-1"))
	c.Hold()
	c.PassesUntilAsked()
	c.WantStable("web-1-(?:a|b|c)")
	c.Pod("web-1-0", "", controlledBy("StatefulSet", "web-1"))
	c.Pod("web-1-7wq4z", "", metav1.OwnerReference{})
	own := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", UID: "uid-web-1", Controller: new(bool)}
	*own.Controller = true
	c.Pod("web-1-2nqq6", "", own)         // it adopted that
	c.Pod("other-b4c5d", "other-", own)   // and that
	c.Pod("web-1-d-b4c5d", "web-1-", own) // and that
	c.Passes(3)
	c.WantStable("web-1-(?:a|b|c)")
}

// counting counts the lists of each kind.
type counting struct {
	listing.Lister
	of map[string]int
}

func (c counting) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	c.of[q.Kind.Kind]++
	return c.Lister.Each(ctx, q, visit)
}

// TestReplicaSetsAreListedWhenTheyMayBeOthers: not at each round, and again when there is a pod of one that
// is not known.
func TestReplicaSetsAreListedWhenTheyMayBeOthers(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(ofStable())
	lists := counting{c.Evaluator.Runs.Objects.Live, map[string]int{}}
	c.Evaluator.Runs.Objects.Live = lists
	c.Hold()
	c.PassesUntilAsked()
	pods, sets := lists.of["Pod"], lists.of["ReplicaSet"]
	c.Passes(4)
	if lists.of["Pod"] == pods || lists.of["ReplicaSet"] != sets {
		t.Errorf("before %d lists of pods and %d of ReplicaSets, after more rounds %v", pods, sets, lists.of)
	}
	anew := evaluatortest.OwnReplicaSet(c.Deployment(), "web-1", "1") // deleted by somebody, and made by the Deployment
	c.Must(c.API.Delete(t.Context(), evaluatortest.OwnReplicaSet(c.Deployment(), "web-1", "1")))
	anew.UID = "uid-of-the-next"
	c.Must(c.API.Create(t.Context(), anew))
	c.Pod("web-1-b4c5d", "web-1-", *metav1.NewControllerRef(anew, appsv1.SchemeGroupVersion.WithKind("ReplicaSet")))
	c.Passes(4)
	c.WantStable("web-1-(?:a|b|b4c5d|c)")
}

// Pods of a long name do not carry their ReplicaSet's: whose they are tells their controller.
func TestStablePodsOfLongNamesAreTheDeploymentsOwn(t *testing.T) {
	long := "web-" + strings.Repeat("long", 14) // its pods are named by its first 58 bytes
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(ofStable())
	mine := evaluatortest.OwnReplicaSet(c.Deployment(), long+"-7d4b9c5f6d", "1")
	c.Must(c.API.Delete(t.Context(), evaluatortest.OwnReplicaSet(c.Deployment(), "web-1", "1")))
	c.Must(c.API.Create(t.Context(), mine))
	c.Pod(long[:58]+"b4c5d", mine.Name+"-", *metav1.NewControllerRef(mine, appsv1.SchemeGroupVersion.WithKind("ReplicaSet")))
	c.Pod(long[:58]+"x7k2p", long+"-6b7c5f6d4b-", controlledBy("ReplicaSet", long+"-6b7c5f6d4b"))
	c.Hold()
	c.PassesUntilAsked()
	c.WantStable(long[:58] + "b4c5d")
}

// What the stable side did in a window its pods did that are gone, too: from when the
// canary was made, which is before the first round.
func TestStablePodsThatAreGoneAreStillMeasured(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(ofStable())
	c.Hold()
	for c.Passes(1); c.Canaries() == 0; c.Passes(1) {
	}
	c.Passes(1)
	if len(c.Prometheus.Asked) > 0 {
		t.Fatalf("asked too early for this test: %v", c.Prometheus.Asked)
	}
	c.Must(c.API.Delete(t.Context(), evaluatortest.StablePod(c.Deployment(), "b")))
	c.PassesUntilAsked()
	c.WantStable("web-1-(?:a|b|c)")
	c.Must(c.API.Create(t.Context(), evaluatortest.StablePod(c.Deployment(), "d")))
	c.Must(c.API.Delete(t.Context(), evaluatortest.StablePod(c.Deployment(), "a")))
	c.Passes(3)
	c.WantStable("web-1-(?:a|b|c|d)")
	c.Another(nil) // another replica goes on
	c.Passes(3)
	c.WantStable("web-1-(?:a|b|c|d)")
	c.Passes(20)
	if run := c.Run(); !run.Status.Phase.Ended() || run.Status.Stable != nil {
		t.Errorf("a run that has ended keeps stable pods: %+v", run.Status)
	}
}

// Where the stable pods cannot be read there is no verdict.
func TestStablePodsThatAreNotReadAreAnError(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(evaluatortest.Comparing("errors", v1alpha1.CompareToStable))
	c.Evaluator.Runs.Objects.Live = withoutPods{c.Evaluator.Runs.Objects.Live}
	c.Hold()
	c.Passes(8)
	if m := evaluatortest.Newest(t, c.Run(), "errors"); m.Outcome != v1alpha1.OutcomeError || !strings.Contains(m.Message, "list pods of Deployment") {
		t.Errorf("%+v", m)
	}
}

// withoutPods is an API server that does not list pods.
type withoutPods struct{ listing.Lister }

func (r withoutPods) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Kind == "Pod" {
		return evaluatortest.ErrCut
	}
	return r.Lister.Each(ctx, q, visit)
}
