package canary

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestWhyNotMade(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "web-abc", CreationTimestamp: metav1.NewTime(noon)}}
	for name, tc := range map[string]struct {
		name, generateName string
		at                 time.Duration
		want               string
	}{
		"one that it made":                   {"web-abc-x7k2p", "web-abc-", time.Hour, ""},
		"at once, by a clock that is behind": {"web-abc-x7k2p", "web-abc-", -30 * time.Second, ""},
		"an older one":                       {"web-abc-x7k2p", "web-abc-", -2 * time.Minute, "it is older"},
		"one of another controller":          {"good-x7k2p", "good-", time.Hour, "not named"},
		"one made by hand":                   {"web-abc-x7k2p", "", time.Hour, "not named"},
		"one with another name":              {"good", "web-abc-", time.Hour, "not named"},
		"one of the baseline":                {"web-abc-baseline-x7k2p", "web-abc-", time.Hour, "not named"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: tc.name, GenerateName: tc.generateName, CreationTimestamp: metav1.NewTime(noon.Add(tc.at))}}
			if got := WhyNotMade(rs, pod); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// The pod that admission is asked about is one that the ReplicaSet would make.
func TestPod(t *testing.T) {
	rs, err := ReplicaSet(spec(decode(t, `{"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}}, "spec": {"containers": [{"name": "web", "image": "x"}]}}`)))
	if err != nil {
		t.Fatal(err)
	}
	rs.SetUID("uid-rs")
	pod := Pod(rs)
	if WhyNotMade(&metav1.ObjectMeta{Name: "web-abc"}, &metav1.ObjectMeta{Name: pod.GetGenerateName() + "x", GenerateName: pod.GetGenerateName()}) != "" ||
		pod.GetLabels()["app"] != "web" || pod.GetLabels()["holdfast.dev/run"] != "web-abc" || pod.GetAnnotations()["a"] != "b" ||
		!metav1.IsControlledBy(pod, rs) || pod.GetNamespace() != "shop" {
		t.Errorf("got %v", pod.Object["metadata"])
	}
	if got := Alterations(TemplateOf(rs), pod.Object, TemplateOf(rs)); len(got) > 0 {
		t.Errorf("it has %v", got)
	}
	if got := Pod(&unstructured.Unstructured{Object: map[string]any{"spec": "x"}}); got.GetKind() != "Pod" {
		t.Errorf("of a ReplicaSet without a template: %v", got)
	}
}

func TestPrints(t *testing.T) {
	pod := func(edit ...func(*corev1.PodSpec)) Print {
		p := &corev1.Pod{Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "init", Image: "a:1"}},
			Containers:     []corev1.Container{{Name: "app", Image: "b:1"}, {Name: "side", Image: "c:1"}},
		}}
		for _, e := range edit {
			e(&p.Spec)
		}
		return PodPrint(p)
	}
	plain := pod()
	if moved := pod(func(s *corev1.PodSpec) { s.NodeName = "n"; s.Tolerations = []corev1.Toleration{{Key: "k"}} }); moved != plain {
		t.Error("a pod that was scheduled has another print")
	}
	for name, edit := range map[string]func(*corev1.PodSpec){
		"an image":                      func(s *corev1.PodSpec) { s.Containers[1].Image = "c:2" },
		"that of an init container":     func(s *corev1.PodSpec) { s.InitContainers[0].Image = "a:2" },
		"two images that changed place": func(s *corev1.PodSpec) { s.Containers[0].Image, s.Containers[1].Image = "c:1", "b:1" },
	} {
		if pod(edit) == plain {
			t.Errorf("%s: the print is the same", name)
		}
	}
	set := appsv1.ReplicaSetSpec{}
	before := SetPrint(&set)
	replicas := int32(3)
	if set.Replicas = &replicas; SetPrint(&set) != before {
		t.Error("a ReplicaSet that was scaled has another print")
	}
	if set.MinReadySeconds = 1; SetPrint(&set) == before {
		t.Error("another minReadySeconds leaves the print")
	}
}

// What a pod reads of its labels and annotations is in its print, and nothing else of them.
func TestPrintOfWhatAPodReads(t *testing.T) {
	field := func(path string) *corev1.ObjectFieldSelector { return &corev1.ObjectFieldSelector{FieldPath: path} }
	items := func(path string) []corev1.DownwardAPIVolumeFile {
		return []corev1.DownwardAPIVolumeFile{{Path: "f", FieldRef: field(path)}}
	}
	container := func(path string) []corev1.Container {
		return []corev1.Container{{Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{FieldRef: field(path)}}}}}
	}
	volume := func(source corev1.VolumeSource) []corev1.Volume { return []corev1.Volume{{VolumeSource: source}} }
	const mode, seen = "mode", "seen"
	one, all := "metadata.annotations['mode']", "metadata.annotations"
	for name, tc := range map[string]struct {
		spec        corev1.PodSpec
		mode, other bool
	}{
		"nothing":                          {corev1.PodSpec{Containers: container("status.podIP")}, false, false},
		"one, in a variable":               {corev1.PodSpec{Containers: container(one)}, true, false},
		"one, in an init container":        {corev1.PodSpec{InitContainers: container(one)}, true, false},
		"one that is not there at first":   {corev1.PodSpec{Containers: container("metadata.annotations['seen']")}, false, true},
		"one, in a volume":                 {corev1.PodSpec{Volumes: volume(corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: items(one)}})}, true, false},
		"all, in a volume":                 {corev1.PodSpec{Volumes: volume(corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: items(all)}})}, true, true},
		"all, in a volume of many sources": {corev1.PodSpec{Volumes: volume(corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{DownwardAPI: &corev1.DownwardAPIProjection{Items: items(all)}}}}})}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			print := func(annotations map[string]string) Print {
				pod := &corev1.Pod{Spec: *tc.spec.DeepCopy()}
				pod.Annotations = annotations
				return PodPrint(pod)
			}
			before := print(map[string]string{mode: "1"})
			if changed := print(map[string]string{mode: "0"}) != before; changed != tc.mode {
				t.Errorf("another value changes the print: %t", changed)
			}
			if changed := print(map[string]string{mode: "1", seen: "x"}) != before; changed != tc.other {
				t.Errorf("one that is added changes the print: %t", changed)
			}
		})
	}
	labelled := &corev1.Pod{Spec: corev1.PodSpec{Containers: container("metadata.labels['app']")}}
	before := PodPrint(labelled)
	if labelled.Labels = map[string]string{"app": "web"}; PodPrint(labelled) == before {
		t.Error("a label that it reads leaves the print")
	}
}
