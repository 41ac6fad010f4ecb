package traffic

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/internal/probe"
)

// The canary's own Service sends requests through the probe, by whatever the Deployment's Service goes.
func TestTheCanarysServiceGoesThroughTheProbe(t *testing.T) {
	run := Run{Measured: []probe.Port{{Name: "http", Listen: 15100, Target: 8080, Protocol: probe.Auto}}}
	for name, tc := range map[string]struct {
		port corev1.ServicePort
		want intstr.IntOrString
	}{
		"by name":                      {corev1.ServicePort{Port: 80, TargetPort: intstr.FromString("http")}, intstr.FromString("http")},
		"by number":                    {corev1.ServicePort{Port: 80, TargetPort: intstr.FromInt32(8080)}, intstr.FromInt32(15100)},
		"by the number of the Service": {corev1.ServicePort{Port: 8080, Protocol: corev1.ProtocolTCP}, intstr.FromInt32(15100)},
		"another number":               {corev1.ServicePort{Port: 80, TargetPort: intstr.FromInt32(9000)}, intstr.FromInt32(9000)},
		"another protocol":             {corev1.ServicePort{Port: 80, TargetPort: intstr.FromInt32(8080), Protocol: corev1.ProtocolUDP}, intstr.FromInt32(8080)},
	} {
		service := serviceFor(run, corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{tc.port}}})
		if diff := cmp.Diff(tc.want, service.Spec.Ports[0].TargetPort); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
