package pod

import (
	"encoding/json"
	"errors"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
)

const web = `{"metadata": {"generateName": "web-"}, "spec": {"newField": 1, "containers": [{"name": "web", "image": "web:v1", "ports": [{"name": "http", "containerPort": 8080}]}]}}`

// ask is the pod that comes of a request, and how often it was changed.
func ask(t *testing.T, h *Handler, pod string) (string, int) {
	t.Helper()
	resp := h.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Namespace: "shop", Object: runtime.RawExtension{Raw: []byte(pod)},
	}})
	if !resp.Allowed {
		t.Fatalf("refused: %+v", resp.Result)
	}
	if len(resp.Patches) == 0 {
		return pod, 0
	}
	text, err := json.Marshal(resp.Patches)
	if err != nil {
		t.Fatal(err)
	}
	operations, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := operations.Apply([]byte(pod))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(out), len(resp.Patches)
}

func TestPodsAreMeasured(t *testing.T) {
	h := &Handler{Image: "holdfast:v1"}
	once, changed := ask(t, h, web)
	var pod corev1.Pod
	if err := json.Unmarshal([]byte(once), &pod); err != nil {
		t.Fatal(err)
	}
	if changed == 0 || len(pod.Spec.InitContainers) != 1 || pod.Spec.InitContainers[0].Name != probe.Container || pod.Spec.InitContainers[0].Image != "holdfast:v1" {
		t.Errorf("the pod has no probe: %s", once)
	}
	if pod.Annotations["prometheus.io/port"] == "" {
		t.Errorf("nothing says that the probe can be scraped: %s", once)
	}
	var fields struct{ Spec map[string]any }
	if err := json.Unmarshal([]byte(once), &fields); err != nil || fields.Spec["newField"] == nil {
		t.Errorf("a field is lost that Holdfast does not know: %s", once)
	}
	if twice, changed := ask(t, h, once); changed != 0 || twice != once {
		t.Errorf("asked again it is changed again: %s", twice)
	}
}

// Whatever is in the way, a pod is made as it came.
func TestPodsPassAsTheyCame(t *testing.T) {
	forbidden := demandtest.Strict(nil)
	forbidden[0].Spec.Limits.Probe = v1alpha1.ProbeNone
	for name, tc := range map[string]struct {
		handler Handler
		pod     string
	}{
		"no image is known":         {Handler{}, web},
		"the pod asks for none":     {Handler{Image: "x"}, `{"metadata": {"annotations": {"holdfast.dev/probe": "disabled"}}, ` + web[len(`{"metadata": {"generateName": "web-"}, `):]},
		"a policy allows none":      {Handler{Image: "x", Policies: demand.Policies{Reader: demandtest.Cache{Policies: forbidden}}}, web},
		"policies cannot be read":   {Handler{Image: "x", Policies: demand.Policies{Reader: demandtest.Cache{Err: errors.New("down")}}}, web},
		"it is no pod":              {Handler{Image: "x"}, `[]`},
		"nothing can be measured":   {Handler{Image: "x"}, `{"metadata": {}, "spec": {"containers": [{"name": "web", "image": "web:v1"}]}}`},
		"it is of another shape":    {Handler{Image: "x"}, `{"metadata": 1, "spec": {"containers": "none"}}`},
		"in the network of a node":  {Handler{Image: "x"}, `{"spec": {"hostNetwork": true, "containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 80}]}]}}`},
		"a container has that name": {Handler{Image: "x"}, `{"spec": {"containers": [{"name": "holdfast-probe", "ports": [{"name": "http", "containerPort": 80}]}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if is, changed := ask(t, &tc.handler, tc.pod); changed != 0 {
				t.Errorf("it is changed: %s", is)
			}
		})
	}
}
