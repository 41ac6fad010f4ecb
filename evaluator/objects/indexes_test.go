package objects

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestIndexesFindWhatLabelsSay: and nothing of another namespace, or of a run or a Deployment whose name
// begins alike.
func TestIndexesFindWhatLabelsSay(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	meta := func(namespace, name, label, value string) metav1.ObjectMeta {
		out := metav1.ObjectMeta{Namespace: namespace, Name: name}
		if label != "" {
			out.Labels = map[string]string{label: value}
		}
		return out
	}
	run := func(namespace, name, label, deployment string) *v1alpha1.CanaryRun {
		out := &v1alpha1.CanaryRun{ObjectMeta: meta(namespace, name, v1alpha1.DeploymentLabel, label)}
		if label == "" {
			out.Labels = nil
		}
		out.Spec.Deployment = deployment
		return out
	}
	waits := func(namespace, name, reason string) *v1alpha1.CanaryRun {
		out := run(namespace, name, "", "queue")
		out.Status.Reason = reason
		return out
	}
	b := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&corev1.Pod{ObjectMeta: meta("shop", "a", v1alpha1.RunLabel, "web-1")}, &corev1.Pod{ObjectMeta: meta("shop", "b", v1alpha1.RunLabel, "web-12")},
		&corev1.Pod{ObjectMeta: meta("shop", "c", "", "")}, &corev1.Pod{ObjectMeta: meta("other", "d", v1alpha1.RunLabel, "web-1")},
		&appsv1.ReplicaSet{ObjectMeta: meta("shop", "a", v1alpha1.RunLabel, "web-1")}, &appsv1.ReplicaSet{ObjectMeta: meta("shop", "b", v1alpha1.RunLabel, "web-12")},
		run("shop", "web-1", "web", "web"), run("shop", "by-hand", "", "web"), run("shop", "of-another", "web", "api"), run("other", "web-1", "web", "web"),
		waits("shop", "first", v1alpha1.ReasonQueued), waits("other", "second", v1alpha1.ReasonQueuedInCluster), waits("shop", "measured", v1alpha1.ReasonMeasuring),
	)
	for _, index := range Indexes() {
		b = b.WithIndex(index.Object, index.Field, index.Of)
	}
	api := b.Build()
	for name, tc := range map[string]struct {
		list client.ObjectList
		of   client.ListOption
		want []string
	}{
		"pods of a run":              {&corev1.PodList{}, OfRun("shop", "web-1"), []string{"a"}},
		"ReplicaSets of a run":       {&appsv1.ReplicaSetList{}, OfRun("shop", "web-1"), []string{"a"}},
		"runs that wait for a place": {&v1alpha1.CanaryRunList{}, InQueue(), []string{"first", "second"}},
		"nothing of one unknown":     {&corev1.PodList{}, OfRun("shop", "web"), nil},
		"runs of a Deployment":       {&v1alpha1.CanaryRunList{}, OfDeployment("shop", "web"), []string{"of-another", "web-1"}},
		"runs that name it":          {&v1alpha1.CanaryRunList{}, OnDeployment("shop", "web"), []string{"by-hand", "web-1"}},
		"runs in another namespace":  {&v1alpha1.CanaryRunList{}, OnDeployment("other", "web"), []string{"web-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := api.List(context.Background(), tc.list, tc.of); err != nil {
				t.Fatal(err)
			}
			var got []string
			switch list := tc.list.(type) {
			case *corev1.PodList:
				for _, o := range list.Items {
					got = append(got, o.Name)
				}
			case *appsv1.ReplicaSetList:
				for _, o := range list.Items {
					got = append(got, o.Name)
				}
			case *v1alpha1.CanaryRunList:
				for _, o := range list.Items {
					got = append(got, o.Name)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
