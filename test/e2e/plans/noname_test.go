package plans

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestAPlanOfNoNameLetsNothingPass: the annotation came where Holdfast was not asked, and its value is no
// name that an object can have, which is an error of every client that asks for it. What is asked for is
// held, it is told why nobody tries it, and another strategy in the next update is no way around that.
func TestAPlanOfNoNameLetsNothingPass(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a/b", "..", "50%"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true})
			s.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled", v1alpha1.PlanAnnotation+"="+name)
			s.Must("label", "namespace", s.Namespace, "tenant="+s.Namespace)
			s.Demand("all", "guard: enabled")
			shop.Await(s, "the policy guards", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
				return ns.Labels[v1alpha1.PolicyLabel] == v1alpha1.CanaryEnabled
			})
			s.AwaitGuarded()
			if said := s.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2"); !strings.Contains(said, "held") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.WantImage("v1")
			s.WantEvents(v1alpha1.ReasonPlanNotFound)
			refused := s.Refused("patch", "deployment", "web", "-p",
				`{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null},"template":{"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v9"}]}}}}`)
			if !strings.Contains(refused, "Recreate") {
				t.Errorf("kubectl says:\n%s", refused)
			}
			s.WantImage("v1")
		})
	}
}
