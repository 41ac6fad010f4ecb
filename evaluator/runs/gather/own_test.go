package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/listing"
)

// A pod that the ReplicaSet has adopted is deleted and told of. It is neither
// counted nor measured, and the run goes on with one that is made in its place.
func TestAnAdoptedPodIsPutOut(t *testing.T) {
	for name, edit := range map[string]func(*corev1.Pod){
		"of another controller": func(p *corev1.Pod) { p.Name, p.GenerateName = "rc-good", "rc-" },
		"of no controller":      func(p *corev1.Pod) { p.GenerateName = "" },
		"with a StatefulSet's":  func(p *corev1.Pod) { p.Name, p.GenerateName = strings.TrimSuffix(p.Name, "good")+"0", "" },
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.Hold()
			c.Sick = true
			c.Passes(3)
			pod := c.Adopt(edit)
			c.Passes(1)
			if run := c.Run(); run.Status.ReadyAt != nil || run.Status.Scale == "1/1" {
				t.Errorf("it was counted: %+v", run.Status)
			}
			if c.Exists(pod) {
				t.Error("it is still there")
			}
			if told := c.Told(); !slices.Contains(told, v1alpha1.EventPodPutOut) {
				t.Errorf("told was %v", told)
			}
			c.Sick = false
			c.Must(c.API.Delete(t.Context(), c.CanaryPod()))
			c.Passes(20)
			if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
				t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
			}
			c.WantNeverAsked(pod.Name)
		})
	}
}

// A pod of another controller is that one's, whatever labels it bears.
func TestAPodOfAnotherControllerIsLeftAlone(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(4)
	pod := evaluatortest.CanaryPod(c.CanarySet(), true)
	pod.Name, pod.UID = c.Run().Name+"-good", "uid-good"
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "x", UID: "x"}}, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
	c.Must(c.API.Create(t.Context(), pod))
	c.Passes(6)
	if !c.Exists(pod) {
		t.Error("it was deleted")
	}
	if c.Run().Status.Scale != "1/1" {
		t.Errorf("the run has %s pods", c.Run().Status.Scale)
	}
	c.WantNeverAsked(pod.Name)
}

// What was changed, or made to look like what the ReplicaSet makes, leaves the run
// without a verdict: nothing of it is released.
func TestWhatOthersChangeIsNoVerdict(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*testing.T, *evaluatortest.Cluster)
		want   string
	}{
		"the image of a pod": {func(t *testing.T, c *evaluatortest.Cluster) {
			pod := c.CanaryPod()
			pod.Spec.Containers[0].Image = "v1"
			c.Must(c.API.Update(t.Context(), pod))
		}, `spec.containers[web].image is "v1", the template says "v2"`},
		"a digest behind the image of a pod": {func(t *testing.T, c *evaluatortest.Cluster) {
			pod := c.CanaryPod()
			pod.Spec.Containers[0].Image = "v2@sha256:00"
			c.Must(c.API.Update(t.Context(), pod))
		}, `spec.containers[web].image is "v2@sha256:00"`},
		"an annotation that a pod reads": {func(t *testing.T, c *evaluatortest.Cluster) {
			pod := c.CanaryPod()
			pod.Annotations["mode"] = "lenient"
			c.Must(c.API.Update(t.Context(), pod))
		}, "metadata.annotations[mode] is not what the template says"},
		"the image of a pod that is deleted at once": {func(t *testing.T, c *evaluatortest.Cluster) {
			pod := c.CanaryPod()
			pod.Spec.Containers[0].Image, pod.Finalizers = "v1", []string{"joe.io/keep"}
			c.Must(c.API.Update(t.Context(), pod))
			c.Must(c.API.Delete(t.Context(), pod))
		}, `spec.containers[web].image is "v1", the template says "v2"`},
		"a pod that looks like its own": {func(_ *testing.T, c *evaluatortest.Cluster) {
			c.Adopt(func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"good"} })
		}, "spec.containers[web].command is not what the template says"},
		"the template of the ReplicaSet": {func(t *testing.T, c *evaluatortest.Cluster) {
			rs := c.CanarySet()
			rs.Spec.Template.Spec.Containers[0].Image = "v1"
			c.Must(c.API.Update(t.Context(), rs))
		}, "the template of ReplicaSet web-"},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.Hold()
			c.Passes(5)
			tc.change(t, c)
			c.Passes(20)
			run := c.Run()
			if run.Status.Verdict != v1alpha1.VerdictInconclusive || run.Status.Reason != v1alpha1.ReasonTampered || run.Status.Phase != v1alpha1.PhasePaused ||
				!strings.Contains(run.Status.Message, tc.want) {
				t.Errorf("the run is %s, %s (%s: %s)", run.Status.Phase, run.Status.Verdict, run.Status.Reason, run.Status.Message)
			}
			if evaluatortest.Image(c.Deployment()) != "v1" {
				t.Error("it was released")
			}
		})
	}
}

// A ReplicaSet that somebody made in the run's name, ahead of Holdfast, is deleted
// for one that Holdfast makes.
func TestAReplicaSetMadeInTheNameOfARunIsMadeAnew(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	made := false
	c.BeforeWrite = func() {
		runs := c.Runs()
		if made || len(runs) == 0 {
			return
		}
		made = true
		run := runs[0]
		run.Kind, run.APIVersion = "CanaryRun", v1alpha1.GroupVersion.String()
		labels := v1alpha1.PodLabels(run.Name, v1alpha1.RoleCanary, "x")
		rs := evaluatortest.OwnReplicaSet(evaluatortest.Web("v1"), run.Name, "1")
		rs.Labels = labels
		rs.Spec.Template.Labels = labels
		rs.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(&run, v1alpha1.GroupVersion.WithKind("CanaryRun"))}
		c.Must(c.API.Create(t.Context(), rs))
	}
	c.Passes(25)
	if !made {
		t.Fatal("none was made ahead")
	}
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased || c.Created != 1 {
		t.Errorf("the run is %s (%s: %s), Holdfast made %d canaries", run.Status.Phase, run.Status.Reason, run.Status.Message, c.Created)
	}
}

// So is one that takes the place of Holdfast's, if it is another in its annotations
// alone: they tell injectors what to put into pods.
func TestAReplicaSetInThePlaceOfARunsIsMadeAnew(t *testing.T) {
	for name, edit := range map[string]func(*corev1.PodTemplateSpec){
		"of another image":           func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Image = "v1" },
		"of other annotations":       func(p *corev1.PodTemplateSpec) { p.Annotations = map[string]string{"injector": "good"} },
		"of labels that are missing": func(p *corev1.PodTemplateSpec) { delete(p.Labels, "app") },
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.Hold()
			c.Passes(4)
			rs := c.CanarySet()
			made := c.Created
			rs.ResourceVersion, rs.UID = "", "another"
			edit(&rs.Spec.Template)
			c.Must(c.API.Delete(t.Context(), c.CanarySet()))
			c.Must(c.API.Create(t.Context(), rs))
			c.Passes(25)
			if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased || c.Created != made+1 {
				t.Errorf("the run is %s (%s: %s), Holdfast made %d canaries", run.Status.Phase, run.Status.Reason, run.Status.Message, c.Created)
			}
		})
	}
}

// What admission makes of the pods of a run, it makes of its own.
func TestWhatAdmissionMakesIsTheRunsOwn(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	n := 0
	c.Admit = func(p *corev1.Pod) error {
		n++ // a name that is another one for each pod
		p.Spec.Containers[0].Image += "@sha256:aa"
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "sidecar", Image: "side", Env: []corev1.EnvVar{{Name: "ID", Value: fmt.Sprint(n)}}})
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: fmt.Sprintf("token-%d", n)})
		return nil
	}
	c.Hold()
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("the run is %s (%s: %s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
}

// Of a pod that admission changed, while the API server does not say how, nothing is
// said: it is not counted, and not taken for another's.
func TestAPodOfWhichNothingCanBeSaidIsNotCounted(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Admit = func(p *corev1.Pod) error {
		p.Spec.Containers[0].Image = "mirror/v2"
		return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("exceeded quota: q"))
	}
	c.Hold()
	c.Passes(7)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseStarting || run.Status.Scale != "0/1" || !strings.Contains(run.Status.Message, "exceeded quota: q") {
		t.Errorf("the run is %s, %s: %s", run.Status.Phase, run.Status.Scale, run.Status.Message)
	}
	if len(c.Prometheus.Asked) > 0 {
		t.Errorf("asked %v", c.Prometheus.Asked)
	}
	admit := c.Admit
	c.Admit = func(p *corev1.Pod) error { _ = admit(p); return nil } // there is room again
	c.Passes(25)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("the run is %s (%s: %s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
}

// asItWas reads pods and ReplicaSets from the API server as they were before somebody
// changed their image: the cache is behind, or the change was taken back already.
type asItWas struct{ listing.Lister }

func (r asItWas) Get(ctx context.Context, name client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	err := r.Lister.Get(ctx, name, o, opts...)
	u, ok := o.(*unstructured.Unstructured)
	if err != nil || !ok || u.GetKind() == "Deployment" {
		return err
	}
	text, err := u.MarshalJSON()
	if err != nil {
		return err
	}
	return u.UnmarshalJSON([]byte(strings.ReplaceAll(string(text), `"v1"`, `"v2"`)))
}

// A change that is taken back between two looks is not taken for the run's own: what
// is looked at is what the cache has, or nothing is said.
func TestAChangeThatIsTakenBackIsNotTheRunsOwn(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Evaluator.Runs.Objects.Live = asItWas{c.Evaluator.Runs.Objects.Live}
	c.Hold()
	for c.Canaries() == 0 {
		c.Passes(1)
	}
	pod := c.CanaryPod() // not looked at yet
	pod.Spec.Containers[0].Image = "v1"
	c.Must(c.API.Update(t.Context(), pod))
	c.Passes(7)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseStarting || run.Status.Canary == nil || len(run.Status.Canary.Pods) > 0 {
		t.Errorf("the run is %s, %+v", run.Status.Phase, run.Status.Canary)
	}
}

// A pod of the run that is gone is still measured: what it did is not undone by
// deleting it.
func TestAPodThatIsGoneIsStillMeasured(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(6)
	first := c.CanaryPod()
	c.Must(c.API.Delete(t.Context(), first))
	second := evaluatortest.CanaryPod(c.CanarySet(), true)
	second.Name, second.UID = c.Run().Name+"-y", "uid-y"
	c.Must(c.API.Create(t.Context(), second))
	c.Passes(4)
	newest := c.Prometheus.Asked[len(c.Prometheus.Asked)-1]
	if want := `pod=~"` + c.Run().Name + `-(?:x|y)"`; !strings.Contains(newest, want) {
		t.Errorf("asked %s, want %s", newest, want)
	}
}
