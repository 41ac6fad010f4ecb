package e2e

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestTheRecordIsHoldfastsAlone: whatever a user writes there is put back, and
// what is held goes on as if nothing had happened.
func TestTheRecordIsHoldfastsAlone(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	other := open(t, settings{plan: patient, noLoad: true})
	other.awaitPhase(other.holdV2("--latency=1ms").Name, v1alpha1.PhaseRunning)
	copied := other.deployment("web").Annotations[v1alpha1.HeldAnnotation]

	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	record := s.deployment("web").Annotations[v1alpha1.HeldAnnotation]
	for name, value := range map[string]string{
		"made garbage":                       "{",
		"edited":                             strings.Replace(record, "app:v2", "app:v6", 1),
		"copied from another Deployment":     copied,
		"made huge":                          strings.Repeat("x", 200<<10),
		"emptied":                            "",
		"an older one, in a manifest of old": `{"id":"1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop{t: t, namespace: s.namespace}
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "web"}}
			patch := encode(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: value}}})
			if err := world.client.Patch(t.Context(), d, client.RawPatch(types.MergePatchType, patch)); err != nil {
				t.Fatal(err)
			}
			if got := s.deployment("web").Annotations[v1alpha1.HeldAnnotation]; got != record {
				t.Errorf("the record is now %.200s", got)
			}
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.wantImage("v1")
		})
	}
}

// TestARecordThatCameInUnguarded: where nobody was there to put it back, a record
// that Holdfast did not seal for this Deployment is dropped and never run.
func TestARecordThatCameInUnguarded(t *testing.T) {
	t.Parallel()
	other := open(t, settings{plan: patient, noLoad: true})
	other.holdV2()
	copied := other.deployment("web").Annotations[v1alpha1.HeldAnnotation]
	for name, record := range map[string]string{"copied": copied, "garbage": "{", "huge": strings.Repeat("x", 200<<10)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "trouble-"}}
			if err := world.client.Create(t.Context(), ns); err != nil {
				t.Fatal(err)
			}
			s := &shop{t: t, namespace: ns.Name}
			t.Cleanup(s.close)
			s.must("create", "-f", "-", s.web("v1"))
			d := s.deployment("web")
			patch := encode(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: record}}})
			if err := world.client.Patch(t.Context(), d, client.RawPatch(types.MergePatchType, patch)); err != nil {
				t.Fatal(err)
			}
			s.wantEvents(v1alpha1.ReasonRecordUnreadable)
			await(s, "the record is gone", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
				return d.Annotations[v1alpha1.HeldAnnotation] == ""
			})
			s.wantImage("v1")
			awaitNone(s, "runs", &v1alpha1.CanaryRunList{})
		})
	}
}

// TestTheReleaseIsHoldfastsAlone: a user who asks for it is told, and nothing is released.
func TestTheReleaseIsHoldfastsAlone(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	id := recordOf(t, get(s, "web", (&live{shop: s}).web())).ID
	if said := s.must("annotate", "deployment", "web", v1alpha1.ReleaseAnnotation+"="+id); !strings.Contains(said, "only Holdfast itself releases") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.wantImage("v1")
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
}

// TestTheMemoryOfRejectedTemplatesLasts through what a user writes there, an
// undo, which replaces annotations, and another try of the same.
func TestTheMemoryOfRejectedTemplatesLasts(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(`sum(up{ {{canary}} }) * 0`), noLoad: true})
	s.awaitPhase(s.holdV2().Name, v1alpha1.PhaseReleased)
	s.awaitAvailable()
	s.must("apply", "-f", "-", planOf(`sum(up{ {{canary}} })`))
	s.awaitPhase(s.newestRun(s.apply("v3")).Name, v1alpha1.PhaseReverted)
	memory := s.deployment("web").Annotations[v1alpha1.RejectedAnnotation]
	for name, do := range map[string]func() string{
		"the annotation is taken off": func() string { return s.must("annotate", "deployment", "web", v1alpha1.RejectedAnnotation+"-") },
		"the annotation is changed": func() string {
			return s.must("annotate", "--overwrite", "deployment", "web", v1alpha1.RejectedAnnotation+"=[]")
		},
		"undone, with its annotations": func() string { return s.must("rollout", "undo", "deployment/web") },
	} {
		said := do()
		if got := s.deployment("web").Annotations[v1alpha1.RejectedAnnotation]; got != memory {
			t.Errorf("%s: the memory is now %q, was %q; kubectl says:\n%s", name, got, memory, said)
		}
	}
	if said := s.apply("v3"); !strings.Contains(said, "not tried again") {
		t.Errorf("kubectl says:\n%s", said)
	}
}

func TestARunCannotBeChangedByHand(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	_, stderr, code := s.kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"templateHash":"another"}}`)
	if code == 0 || !strings.Contains(stderr, "a run cannot be changed") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr)
	}
}

func TestARunDeletedByHandIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.must("delete", "canaryrun", run.Name)
	again := await(s, "the run is there again", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.UID != run.UID && r.Status.Phase == v1alpha1.PhaseRunning
	})
	if again.Spec.Hold != run.Spec.Hold || again.Spec.TemplateHash != run.Spec.TemplateHash {
		t.Errorf("the new run is of another hold: %+v, was %+v", again.Spec, run.Spec)
	}
	s.wantImage("v1")
	awaitList(s, "one canary pod, the old one gone", &corev1.PodList{}, func(n int) bool { return n == 1 }, []client.ListOption{client.HasLabels{v1alpha1.RoleLabel}})
	s.wantCanaryPods(again, "v2")
}

func TestACanaryReplicaSetIsPutRight(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	before := get(s, run.Name, &appsv1.ReplicaSet{})

	s.must("scale", "replicaset", run.Name, "--replicas=3")
	await(s, "the canary is scaled back", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool {
		return *rs.Spec.Replicas == 1 && rs.Status.Replicas == 1 && rs.Generation > before.Generation+1
	})
	s.must("delete", "replicaset", run.Name)
	await(s, "there is a canary again", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool {
		return rs.UID != before.UID && rs.Status.ReadyReplicas == 1
	})
	if now := get(s, run.Name, &v1alpha1.CanaryRun{}); now.Status.Phase.Ended() {
		t.Errorf("the run is %s (%s)", now.Status.Phase, now.Status.Message)
	}
	s.wantImage("v1")
}
