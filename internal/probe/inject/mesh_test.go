package inject_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/internal/probe/inject"
)

type marks = map[string]string

func TestAMeshThatWillBePutIntoPodsIsFoundByItsMarks(t *testing.T) {
	ports := []probe.Port{{Name: "http", Listen: 15100, Target: 8080}, {Name: "9000", Listen: 15101, Target: 9000}}
	for sentence, tc := range map[string]struct {
		labels, annotations, podLabels, podAnnotations marks
		told                                           string // "" for nothing
	}{
		"nothing":                              {},
		"Istio in the namespace":               {labels: marks{"istio-injection": "enabled"}, told: `the namespace is labelled istio-injection: enabled`},
		"a revision of Istio":                  {labels: marks{"istio.io/rev": "1-26"}, told: `have it measure them (source: Istio), or annotate the pod template traffic.sidecar.istio.io/excludeInboundPorts: "8080,9000"`},
		"Istio kept out of the namespace":      {labels: marks{"istio-injection": "disabled"}},
		"Istio kept out of the pod":            {labels: marks{"istio-injection": "enabled"}, podLabels: marks{"sidecar.istio.io/inject": "false"}},
		"by an annotation, as it was before":   {labels: marks{"istio-injection": "enabled"}, podAnnotations: marks{"sidecar.istio.io/inject": "false"}},
		"Istio in the pod":                     {podLabels: marks{"sidecar.istio.io/inject": "true"}, told: "the pod template is labelled sidecar.istio.io/inject: true"},
		"all ports left out":                   {labels: marks{"istio-injection": "enabled"}, podAnnotations: marks{"traffic.sidecar.istio.io/excludeInboundPorts": "8080, 9000"}},
		"a port left out of two":               {labels: marks{"istio-injection": "enabled"}, podAnnotations: marks{"traffic.sidecar.istio.io/excludeInboundPorts": "8080"}, told: "istio-injection"},
		"only other ports taken":               {labels: marks{"istio-injection": "enabled"}, podAnnotations: marks{"traffic.sidecar.istio.io/includeInboundPorts": "7000"}},
		"no port taken":                        {labels: marks{"istio-injection": "enabled"}, podAnnotations: marks{"traffic.sidecar.istio.io/includeInboundPorts": ""}},
		"all ports taken":                      {labels: marks{"istio-injection": "enabled"}, podAnnotations: marks{"traffic.sidecar.istio.io/includeInboundPorts": "*"}, told: "istio-injection"},
		"an ambient mesh":                      {labels: marks{"istio.io/dataplane-mode": "ambient"}, told: "Name, or have its waypoint measure them"},
		"a pod out of an ambient mesh":         {labels: marks{"istio.io/dataplane-mode": "ambient"}, podLabels: marks{"istio.io/dataplane-mode": "none"}},
		"Linkerd in the namespace":             {annotations: marks{"linkerd.io/inject": "enabled"}, told: "the namespace is annotated linkerd.io/inject: enabled"},
		"Linkerd in a pod":                     {podAnnotations: marks{"linkerd.io/inject": "ingress"}, told: "the pod template is annotated linkerd.io/inject: ingress"},
		"Linkerd kept out of a pod":            {annotations: marks{"linkerd.io/inject": "enabled"}, podAnnotations: marks{"linkerd.io/inject": "disabled"}},
		"ports left out of Linkerd in a range": {annotations: marks{"linkerd.io/inject": "enabled"}, podAnnotations: marks{"config.linkerd.io/skip-inbound-ports": "25,8000-9000"}},
		"Kuma":                                 {labels: marks{"kuma.io/sidecar-injection": "enabled"}, told: "traffic.kuma.io/exclude-inbound-ports"},
	} {
		template := hold.Template{"metadata": map[string]any{"labels": values(tc.podLabels), "annotations": values(tc.podAnnotations)}}
		got := inject.MeshAhead(template, ports, tc.labels, tc.annotations)
		if (got != "") != (tc.told != "") || !strings.Contains(got, tc.told) {
			t.Errorf("%s: told %q, want %q in it", sentence, got, tc.told)
		}
	}
	if got := inject.MeshAhead(nil, nil, marks{"istio-injection": "enabled"}, nil); !strings.Contains(got, "to Name, or have it measure them") {
		t.Errorf("of a plan alone: %q", got)
	}
}

func values(texts marks) map[string]any {
	out := map[string]any{}
	for key, value := range texts {
		out[key] = value
	}
	return out
}

func TestAMeshInAPodIsFoundWhereItsRequestsAreRedirected(t *testing.T) {
	pod := func(annotations marks, names ...string) *corev1.Pod {
		out := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}}
		for _, name := range names {
			c := corev1.Container{Name: name}
			if name == probe.RedirectContainer {
				c.Args = []string{"probe", "redirect", "--port=http=15100:8080/Auto"}
			}
			out.Spec.InitContainers = append(out.Spec.InitContainers, c)
		}
		out.Spec.Containers = []corev1.Container{{Name: "app"}}
		return out
	}
	for sentence, tc := range map[string]struct {
		pod  *corev1.Pod
		told string // "" for nothing
	}{
		"no mesh":                         {pod(nil, probe.RedirectContainer, probe.Container), ""},
		"a mesh, and requests by names":   {pod(nil, "istio-init", probe.Container, "istio-proxy"), ""},
		"a mesh":                          {pod(nil, "istio-proxy", probe.RedirectContainer, probe.Container), "container istio-proxy of a mesh"},
		"one of which no proxy is left":   {pod(nil, probe.RedirectContainer, probe.Container, "linkerd-init"), "container linkerd-init of a mesh"},
		"an ambient mesh":                 {pod(marks{"ambient.istio.io/redirection": "enabled"}, probe.RedirectContainer), "the annotation ambient.istio.io/redirection of a mesh"},
		"a mesh that leaves the port out": {pod(marks{"traffic.sidecar.istio.io/excludeInboundPorts": "8080"}, probe.RedirectContainer, "istio-proxy"), ""},
		"what is no mesh":                 {pod(nil, probe.RedirectContainer, "daprd"), ""},
	} {
		got := inject.MeshIn(tc.pod)
		if (got != "") != (tc.told != "") || !strings.Contains(got, tc.told) {
			t.Errorf("%s: told %q, want %q in it", sentence, got, tc.told)
		}
	}
}
