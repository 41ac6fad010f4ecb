package shop

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Encode is a value as JSON.
func Encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// WantNothingDone checks that a request had no effect: the Deployment is as it was, and
// there is neither a run nor an event of one.
func (s *Shop) WantNothingDone(before string) {
	s.T.Helper()
	if after := s.Object(); after != before {
		s.T.Errorf("the object changed from\n%s\nto\n%s", before, after)
	}
	var runs v1alpha1.CanaryRunList
	var events corev1.EventList
	for _, err := range []error{
		World.Client.List(s.T.Context(), &runs, InNamespace(s)),
		World.Client.List(s.T.Context(), &events, InNamespace(s), MatchingFields("involvedObject.name", "web", "reason", "Held")),
	} {
		if err != nil {
			s.T.Fatal(err)
		}
	}
	if len(runs.Items)+len(events.Items) > 0 {
		s.T.Errorf("there are %d runs and %d events", len(runs.Items), len(events.Items))
	}
}

// Refused runs kubectl and returns the words of the refusal that must come.
func (s *Shop) Refused(args ...string) string {
	s.T.Helper()
	stdout, stderr, code := s.Kubectl(args...)
	if code == 0 {
		s.T.Fatalf("kubectl %v is not refused; it says:\n%s%s", args[:min(3, len(args))], stdout, stderr)
	}
	return stderr
}

// Written leaves out what the controllers and Holdfast itself may write at any
// time: the status, the revision, the stamp.
func Written(d *appsv1.Deployment) string {
	annotations := maps.Clone(d.Annotations)
	delete(annotations, v1alpha1.StableAnnotation)
	delete(annotations, "deployment.kubernetes.io/revision")
	owners := slices.DeleteFunc(slices.Clone(d.ManagedFields), func(e metav1.ManagedFieldsEntry) bool {
		return e.Subresource != "" || e.Manager == "holdfast" || e.Manager == "kube-controller-manager"
	})
	return string(Encode(map[string]any{"spec": d.Spec, "labels": d.Labels, "annotations": annotations, "owners": owners}))
}

// Decide changes a field of a run as a person does. It is no kubectl that starts for it: a canary of some
// seconds may have ended before that has started on a busy machine, and many a decision is that it shall not.
func (s *Shop) Decide(run, spec string) {
	s.T.Helper()
	target := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: run}}
	if err := World.Client.Patch(s.T.Context(), target, client.RawPatch(types.MergePatchType, []byte(`{"spec":{`+spec+`}}`))); err != nil {
		s.T.Fatalf("decide %s of run %s: %v", spec, run, err)
	}
}

// OnlyRun is the one run in the shop.
func (s *Shop) OnlyRun() *v1alpha1.CanaryRun {
	s.T.Helper()
	var runs v1alpha1.CanaryRunList
	AwaitSome(s, "a run", &runs)
	if len(runs.Items) != 1 {
		s.T.Fatalf("there are %d runs", len(runs.Items))
	}
	return &runs.Items[0]
}

// Object is what clients write of the Deployment, byte for byte.
func (s *Shop) Object() string {
	s.T.Helper()
	return Written(s.Deployment("web"))
}

// WantNoneUngated checks that no update passed Holdfast by.
func WantNoneUngated(s *Shop) {
	s.T.Helper()
	var ungated corev1.EventList
	if err := World.Client.List(s.T.Context(), &ungated, InNamespace(s), MatchingFields("reason", "UngatedUpdate")); err != nil {
		s.T.Fatal(err)
	}
	if len(ungated.Items) > 0 {
		s.T.Errorf("an update passed Holdfast by: %s", ungated.Items[0].Message)
	}
}

// ProgressMessage is what the deployment controller says of the progress of a rollout.
func ProgressMessage(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return c.Message
		}
	}
	return ""
}

// Skipping is the manifest of a version with a reason to skip its canary.
func (s *Shop) Skipping(version, reason string) string {
	s.T.Helper()
	return strings.Replace(s.Web(version), "metadata: {name: web}\nspec:\n  replicas",
		"metadata: {name: web, annotations: {holdfast.dev/skip: "+reason+"}}\nspec:\n  replicas", 1)
}

// Condition is the condition of a type, empty if there is none.
func Condition(conditions []metav1.Condition, kind string) metav1.Condition {
	for _, c := range conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// MetricOf is what a run has measured of a metric.
func MetricOf(t *testing.T, run *v1alpha1.CanaryRun, name string) v1alpha1.MetricStatus {
	t.Helper()
	for _, m := range run.Status.Metrics {
		if m.Name == name && len(m.Last) > 0 {
			return m
		}
	}
	t.Fatalf("run %s has measured no %s: %+v", run.Name, name, run.Status.Metrics)
	return v1alpha1.MetricStatus{}
}
