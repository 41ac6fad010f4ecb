package tenants

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// pad makes the review of any request about web larger than is read, by what nobody reads: JSON makes six
// bytes of each of these. Nothing of it can matter, so the webhook does not see it.
func pad(s shop.Tenancy) {
	s.T.Helper()
	d := s.Deployment("web")
	d.ManagedFields = append(d.ManagedFields, metav1.ManagedFieldsEntry{
		Manager: "pad", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:metadata":{"f:annotations":{"f:%s":{}}}}`, strings.Repeat("<", 1_230_000))),
	})
	if err := shop.World.Client.Update(s.T.Context(), d); err != nil {
		s.T.Fatal(err)
	}
}

// TestATenantCannotPadADeploymentOut, where the webhook fails open: it is no larger than that it could not be
// deleted.
func TestATenantCannotPadADeploymentOut(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "guard: enabled", "limits: {recreateDelay: 1h}")
	shop.Await(s.Shop, "it is known what web runs", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Annotations[v1alpha1.StableAnnotation] != ""
	})
	pad(s)
	s.WantRefused("too large to be looked at", "set", "image", "deployment/web", "*=holdfast.test/app:v2")
	s.WantRefused("too large to be looked at", "annotate", "deployment", "web", v1alpha1.StableAnnotation+"-")
	s.WantImage("v1")
	s.Joe("delete", "deployment", "web")
	if remembered(s).Hash == "" {
		t.Error("what was padded is forgotten")
	}
}

// TestATenantShrinksWhatWasPadded by the way out that the refusal names.
func TestATenantShrinksWhatWasPadded(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "guard: enabled")
	pad(s)
	s.Joe("patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"managedFields":[{}]}}`)
	s.WantHeld("v2")
}

// TestATenantCannotKeepAPlan, and with it the kind of plans, beyond an uninstall.
func TestATenantCannotKeepAPlan(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	const finalizer = `{"metadata":{"finalizers":["example.com/keep"]}}`
	s.WantRefused("would keep it", "patch", "canaryplan", "default", "--type=merge", "-p", finalizer)
	run := s.WantHeld("v2")
	s.WantRefused("would keep it", "patch", "canaryrun", run.Name, "--type=merge", "-p", finalizer)
	s.Joe("delete", "canaryplan", "default", "--cascade=foreground")
}

// TestATenantCannotNameAPlanByNoName: such a name is an error of every client, and none may keep an update
// from being looked at.
func TestATenantCannotNameAPlanByNoName(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "guard: enabled")
	for _, name := range []string{"a/b", "..", "50%"} {
		s.WantRefused("no CanaryPlan can have this name", "annotate", "deployment", "web", v1alpha1.PlanAnnotation+"="+name)
	}
}
