package gitops_test

import (
	"strings"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/gitops"
)

// What the stories have in common.

// again is how often an engine looks at a state that shall not move.
const again = 4

// hold makes Git say a version, lets the engine bring it out, and returns the
// run that tries it once its canary is measured.
func (s *shop) hold(version string) *v1alpha1.CanaryRun {
	s.t.Helper()
	return s.awaitPhase(s.try(version).Name, v1alpha1.PhaseRunning)
}

// try is hold without waiting for the canary.
func (s *shop) try(version string, args ...string) *v1alpha1.CanaryRun {
	s.t.Helper()
	var known []string
	for _, run := range s.runs() {
		known = append(known, run.Name)
	}
	s.commit(version, args...)
	if r := s.round(); !r.Applied {
		s.t.Fatalf("the engine did not apply %s", version)
	}
	return s.newRun(known...)
}

// stays lets the engine look again and again, and checks that it finds Git and
// the cluster in sync or not, and that neither the Deployment nor a run moves.
func (s *shop) stays(inSync bool) {
	s.t.Helper()
	deployment, runs := written(s.deployment()), clocks(s.runs())
	for range again {
		s.wantInSync(s.round(), inSync)
	}
	if diff := cmp.Diff(deployment, written(s.deployment())); diff != "" {
		s.t.Errorf("the Deployment moved:\n%s", diff)
	}
	if diff := cmp.Diff(runs, clocks(s.runs())); diff != "" {
		s.t.Errorf("the runs moved:\n%s", diff)
	}
}

func (s *shop) wantInSync(r gitops.Round, inSync bool) {
	s.t.Helper()
	if r.InSync != inSync {
		s.t.Fatalf("in sync is %t, want %t\n%s", r.InSync, inSync, r.Difference)
	}
}

// written is a Deployment without what its controller reports. Every write of
// anyone else shows in it: one that changes nothing is none to the API server.
func written(d *appsv1.Deployment) *appsv1.Deployment {
	d = d.DeepCopy()
	d.ResourceVersion, d.Status = "", appsv1.DeploymentStatus{}
	var fields []metav1.ManagedFieldsEntry
	for _, entry := range d.ManagedFields {
		if entry.Manager != "kube-controller-manager" {
			fields = append(fields, entry)
		}
	}
	d.ManagedFields = fields
	return d
}

// clock is what of a run a superfluous sync could start anew.
type clock struct {
	UID, Hold string
	Created   metav1.Time
	Ready     *metav1.Time
	Ended     bool
}

func clocks(runs []v1alpha1.CanaryRun) map[string]clock {
	out := map[string]clock{}
	for _, run := range runs {
		out[run.Name] = clock{
			UID: string(run.UID), Hold: run.Spec.Hold, Created: run.CreationTimestamp, Ready: run.Status.ReadyAt, Ended: run.Status.Phase.Ended(),
		}
	}
	return out
}

// image is the version that the Deployment runs.
func (s *shop) image() string {
	s.t.Helper()
	return imageOf(s.deployment().Spec.Template.Spec.Containers[0].Image)
}

func imageOf(image string) string {
	_, version, _ := strings.Cut(image, ":")
	return version
}

func (s *shop) wantImage(version string) {
	s.t.Helper()
	if got := s.image(); got != version {
		s.t.Fatalf("the Deployment runs %s, want %s", got, version)
	}
}

func (s *shop) wantRuns(n int) {
	s.t.Helper()
	if runs := s.runs(); len(runs) != n {
		s.t.Fatalf("there are %d runs, want %d: %v", len(runs), n, clocks(runs))
	}
}

// wantHealth checks how the engine finds the Deployment.
func (s *shop) wantHealth(state gitops.State) {
	s.t.Helper()
	health, err := s.engine.Health(s.t.Context(), "web")
	if err != nil {
		s.t.Fatal(err)
	}
	if health.State != state {
		s.t.Errorf("the Deployment is %s (%s), want %s", health.State, health.Message, state)
	}
}

// awaitHealth waits until the engine finds the Deployment as said.
func (s *shop) awaitHealth(state gitops.State) {
	s.t.Helper()
	await(s, "the engine finds web "+string(state), &appsv1.DeploymentList{}, func(*appsv1.Deployment) bool {
		health, err := s.engine.Health(s.t.Context(), "web")
		if err != nil {
			s.t.Fatal(err)
		}
		return health.State == state
	})
}

// awaitCanary waits for a canary of a version.
func (s *shop) awaitCanary(version string) {
	s.t.Helper()
	await(s, "a canary tries "+version, &appsv1.ReplicaSetList{}, func(rs *appsv1.ReplicaSet) bool {
		return rs.Labels[v1alpha1.RunLabel] != "" && imageOf(rs.Spec.Template.Spec.Containers[0].Image) == version
	})
}
