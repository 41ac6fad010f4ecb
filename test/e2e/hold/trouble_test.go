package hold

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// TestTheRecordIsHoldfastsAlone: whatever a user writes there is put back, and
// what is held goes on as if nothing had happened.
func TestTheRecordIsHoldfastsAlone(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	other := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	other.AwaitPhase(other.HoldV2("--latency=1ms").Name, v1alpha1.PhaseRunning)
	copied := other.Deployment("web").Annotations[v1alpha1.HeldAnnotation]

	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	record := s.Deployment("web").Annotations[v1alpha1.HeldAnnotation]
	for name, value := range map[string]string{
		"made garbage":                       "{",
		"edited":                             strings.Replace(record, "app:v2", "app:v6", 1),
		"copied from another Deployment":     copied,
		"made huge":                          strings.Repeat("x", 200<<10),
		"emptied":                            "",
		"an older one, in a manifest of old": `{"id":"1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop.Shop{T: t, Namespace: s.Namespace}
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "web"}}
			patch := shop.Encode(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: value}}})
			if err := shop.World.Client.Patch(t.Context(), d, client.RawPatch(types.MergePatchType, patch)); err != nil {
				t.Fatal(err)
			}
			if got := s.Deployment("web").Annotations[v1alpha1.HeldAnnotation]; got != record {
				t.Errorf("the record is now %.200s", got)
			}
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.WantImage("v1")
		})
	}
}

// TestARecordThatCameInUnguarded: where nobody was there to put it back, a record
// that Holdfast did not seal for this Deployment is dropped and never run.
func TestARecordThatCameInUnguarded(t *testing.T) {
	t.Parallel()
	other := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	other.HoldV2()
	copied := other.Deployment("web").Annotations[v1alpha1.HeldAnnotation]
	for name, record := range map[string]string{"copied": copied, "garbage": "{", "huge": strings.Repeat("x", 200<<10)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "trouble-"}}
			if err := shop.World.Client.Create(t.Context(), ns); err != nil {
				t.Fatal(err)
			}
			s := &shop.Shop{T: t, Namespace: ns.Name}
			t.Cleanup(s.Close)
			s.Must("create", "-f", "-", s.Web("v1"))
			d := s.Deployment("web")
			patch := shop.Encode(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: record}}})
			if err := shop.World.Client.Patch(t.Context(), d, client.RawPatch(types.MergePatchType, patch)); err != nil {
				t.Fatal(err)
			}
			s.WantEvents(v1alpha1.ReasonRecordUnreadable)
			shop.Await(s, "the record is gone", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
				return d.Annotations[v1alpha1.HeldAnnotation] == ""
			})
			s.WantImage("v1")
			shop.AwaitNone(s, "runs", &v1alpha1.CanaryRunList{})
		})
	}
}

// TestTheMemoryOfRejectedTemplatesLasts through what a user writes there, an
// undo, which replaces annotations, and another try of the same.
func TestTheMemoryOfRejectedTemplatesLasts(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(`sum(up{ {{canary}} }) * 0`), NoLoad: true})
	s.AwaitPhase(s.HoldV2().Name, v1alpha1.PhaseReleased)
	s.AwaitAvailable()
	s.Must("apply", "-f", "-", shop.PlanOf(`sum(up{ {{canary}} })`))
	s.AwaitPhase(s.NewestRun(s.Apply("v3")).Name, v1alpha1.PhaseReverted)
	memory := s.Deployment("web").Annotations[v1alpha1.RejectedAnnotation]
	for name, do := range map[string]func() string{
		"the annotation is taken off": func() string { return s.Must("annotate", "deployment", "web", v1alpha1.RejectedAnnotation+"-") },
		"the annotation is changed": func() string {
			return s.Must("annotate", "--overwrite", "deployment", "web", v1alpha1.RejectedAnnotation+"=[]")
		},
		"undone, with its annotations": func() string { return s.Must("rollout", "undo", "deployment/web") },
	} {
		said := do()
		if got := s.Deployment("web").Annotations[v1alpha1.RejectedAnnotation]; got != memory {
			t.Errorf("%s: the memory is now %q, was %q; kubectl says:\n%s", name, got, memory, said)
		}
	}
	if said := s.Apply("v3"); !strings.Contains(said, "not tried again") {
		t.Errorf("kubectl says:\n%s", said)
	}
}

func TestARunCannotBeChangedByHand(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	_, stderr, code := s.Kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"templateHash":"another"}}`)
	if code == 0 || !strings.Contains(stderr, "a run cannot be changed") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr)
	}
}

func TestARunDeletedByHandIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("delete", "canaryrun", run.Name)
	again := shop.Await(s, "the run is there again", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.UID != run.UID && r.Status.Phase == v1alpha1.PhaseRunning
	})
	if again.Spec.Hold != run.Spec.Hold || again.Spec.TemplateHash != run.Spec.TemplateHash {
		t.Errorf("the new run is of another hold: %+v, was %+v", again.Spec, run.Spec)
	}
	s.WantImage("v1")
	shop.AwaitList(s, "one canary pod, the old one gone", &corev1.PodList{}, func(n int) bool { return n == 1 }, []client.ListOption{client.HasLabels{v1alpha1.RoleLabel}})
	wantCanaryPods(s, again, "v2")
}

func TestACanaryReplicaSetIsPutRight(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	before := shop.Get(s, run.Name, &appsv1.ReplicaSet{})

	s.Must("scale", "replicaset", run.Name, "--replicas=3")
	shop.Await(s, "the canary is scaled back", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool {
		return *rs.Spec.Replicas == 1 && rs.Status.Replicas == 1 && rs.Generation > before.Generation+1
	})
	s.Must("delete", "replicaset", run.Name)
	shop.Await(s, "there is a canary again", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool {
		return rs.UID != before.UID && rs.Status.ReadyReplicas == 1
	})
	if now := shop.Get(s, run.Name, &v1alpha1.CanaryRun{}); now.Status.Phase.Ended() {
		t.Errorf("the run is %s (%s)", now.Status.Phase, now.Status.Message)
	}
	s.WantImage("v1")
}
