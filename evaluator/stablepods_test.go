package evaluator

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing"
)

// ofStable is a metric of the stable pods alone.
func ofStable() v1alpha1.Metric {
	one := 1.0
	return v1alpha1.Metric{Name: "stable", Query: "sum(rate(x[1m])) - sum(rate(x{ {{stable}} }[1m]))", Range: v1alpha1.Range{Max: &one}}
}

// wantStable wants the newest question to be of these pods, as a regular expression.
func (c *cluster) wantStable(pattern string) {
	c.t.Helper()
	last := ""
	for _, query := range c.prometheus.asked {
		if strings.Contains(query, "sum(rate(x{") {
			last = query
		}
	}
	if !strings.Contains(last, `"`+pattern+`" }[1m]))`) {
		c.t.Errorf("the stable pods are wanted to be %s; asked was %s", pattern, last)
	}
}

func (c *cluster) passesUntilAsked() {
	c.t.Helper()
	for n := 0; len(c.prometheus.asked) == 0; n++ {
		if n == 30 {
			c.t.Fatalf("nothing was asked: %+v", c.runs())
		}
		c.pass()
	}
}

// pod makes a pod with the labels of the stable ones that a controller has.
func (c *cluster) pod(name, generateName string, controller metav1.OwnerReference) {
	c.t.Helper()
	pod := stablePod(c.deployment(), "z")
	pod.Name, pod.GenerateName, pod.UID = name, generateName, types.UID("uid-"+name)
	pod.OwnerReferences = nil
	if controller.Name != "" {
		pod.OwnerReferences = []metav1.OwnerReference{controller}
	}
	c.must(c.api.Create(c.t.Context(), pod))
}

func controlledBy(kind, name string) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: "apps/v1", Kind: kind, Name: name, UID: types.UID("uid-of-" + kind + name), Controller: &yes}
}

// Pods of others that are named as the stable ones, and have their labels, are not
// measured with them, whenever they come; nor are those of the revision before.
func TestPodsThatAreNamedAsTheStableOnesAreNotMeasured(t *testing.T) {
	c := newCluster(t)
	c.judgeBy(ofStable())
	before := ownReplicaSet(c.deployment(), "web-0", "0")
	before.Spec.Replicas, before.Status = new(int32), appsv1.ReplicaSetStatus{}
	before.Spec.Template.Spec.Containers[0].Image = "v0"
	c.must(c.api.Create(t.Context(), before))
	c.pod("web-0-old", "web-0-", *metav1.NewControllerRef(before, appsv1.SchemeGroupVersion.WithKind("ReplicaSet")))
	c.pod("web-1-2xk9c", "web-1-", controlledBy("Job", "web-1"))
	c.hold()
	c.passesUntilAsked()
	c.wantStable("web-1-(?:a|b|c)")
	c.pod("web-1-0", "", controlledBy("StatefulSet", "web-1"))
	c.pod("web-1-7wq4z", "", metav1.OwnerReference{})
	own := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", UID: "uid-web-1", Controller: new(bool)}
	*own.Controller = true
	c.pod("web-1-2nqq6", "", own)         // it adopted that
	c.pod("other-b4c5d", "other-", own)   // and that
	c.pod("web-1-d-b4c5d", "web-1-", own) // and that
	c.passes(3)
	c.wantStable("web-1-(?:a|b|c)")
}

// Pods of a long name do not carry their ReplicaSet's: whose they are tells their controller.
func TestStablePodsOfLongNamesAreTheDeploymentsOwn(t *testing.T) {
	long := "web-" + strings.Repeat("long", 14) // its pods are named by its first 58 bytes
	c := newCluster(t)
	c.judgeBy(ofStable())
	mine := ownReplicaSet(c.deployment(), long+"-7d4b9c5f6d", "1")
	c.must(c.api.Delete(t.Context(), ownReplicaSet(c.deployment(), "web-1", "1")))
	c.must(c.api.Create(t.Context(), mine))
	c.pod(long[:58]+"b4c5d", mine.Name+"-", *metav1.NewControllerRef(mine, appsv1.SchemeGroupVersion.WithKind("ReplicaSet")))
	c.pod(long[:58]+"x7k2p", long+"-6b7c5f6d4b-", controlledBy("ReplicaSet", long+"-6b7c5f6d4b"))
	c.hold()
	c.passesUntilAsked()
	c.wantStable(long[:58] + "b4c5d")
}

// What the stable side did in a window its pods did that are gone, too: from when the
// canary was made, which is before the first round.
func TestStablePodsThatAreGoneAreStillMeasured(t *testing.T) {
	c := newCluster(t)
	c.judgeBy(ofStable())
	c.hold()
	for c.passes(1); c.canaries() == 0; c.passes(1) {
	}
	c.passes(1)
	if len(c.prometheus.asked) > 0 {
		t.Fatalf("asked too early for this test: %v", c.prometheus.asked)
	}
	c.must(c.api.Delete(t.Context(), stablePod(c.deployment(), "b")))
	c.passesUntilAsked()
	c.wantStable("web-1-(?:a|b|c)")
	c.must(c.api.Create(t.Context(), stablePod(c.deployment(), "d")))
	c.must(c.api.Delete(t.Context(), stablePod(c.deployment(), "a")))
	c.passes(3)
	c.wantStable("web-1-(?:a|b|c|d)")
	c.another(nil) // another replica goes on
	c.passes(3)
	c.wantStable("web-1-(?:a|b|c|d)")
	c.passes(20)
	if run := c.run(); !run.Status.Phase.Ended() || run.Status.Stable != nil {
		t.Errorf("a run that has ended keeps stable pods: %+v", run.Status)
	}
}

// Where the stable pods cannot be read there is no verdict.
func TestStablePodsThatAreNotReadAreAnError(t *testing.T) {
	c := newCluster(t)
	c.judgeBy(comparing("errors", v1alpha1.CompareToStable))
	c.e.runs.Objects.Live = withoutPods{c.e.runs.Objects.Live}
	c.hold()
	c.passes(8)
	if m := newest(t, c.run(), "errors"); m.Outcome != v1alpha1.OutcomeError || !strings.Contains(m.Message, "list pods of Deployment") {
		t.Errorf("%+v", m)
	}
}

// withoutPods is an API server that does not list pods.
type withoutPods struct{ listing.Reader }

func (r withoutPods) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Kind == "Pod" {
		return errCut
	}
	return r.Reader.Each(ctx, q, visit)
}
