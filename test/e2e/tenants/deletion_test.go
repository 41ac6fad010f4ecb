package tenants

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// finalizer keeps a Deployment that its owner has deleted.
const finalizer = `{"metadata":{"finalizers":["example.com/mine"]}}`

// keep has the Deployment kept by a finalizer of the tenant's, and deletes it.
func keep(s shop.Tenancy) {
	s.T.Helper()
	s.Joe("patch", "deployment", "web", "--type=merge", "-p", finalizer)
	s.Joe("delete", "deployment", "web", "--cascade=orphan", "--wait=false")
	shop.Await(s.Shop, "nothing but the tenant keeps the Deployment", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.DeletionTimestamp != nil && len(d.Finalizers) == 1
	})
}

// letGo takes the finalizer off.
func letGo(s shop.Tenancy) {
	s.T.Helper()
	s.Joe("patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	shop.AwaitGone(s.Shop, "web", &appsv1.Deployment{})
}

// remembered is what the namespace remembers of the Deployment.
func remembered(s shop.Tenancy) hold.Deleted {
	s.T.Helper()
	memory, err := hold.ParseDeleted(shop.Get(s.Shop, s.Namespace, &corev1.Namespace{}).Annotations[v1alpha1.DeletedAnnotation("web")])
	if err != nil {
		s.T.Fatal(err)
	}
	return memory
}

// wantKnown wants the template v2 refused to whoever makes the Deployment anew,
// and v1 made.
func wantKnown(s shop.Tenancy) {
	s.T.Helper()
	s.WantRefused("which CanaryPolicy "+s.Namespace+"-tenants does not allow", "apply", "-f", "-", s.Web("v2"))
	s.Joe("apply", "-f", "-", s.Web("v1"))
	s.WantImage("v1")
}

// TestATenantCannotRewriteWhatIsRememberedOfADeployment by changing it while a
// finalizer keeps it, and deleting it once more.
func TestATenantCannotRewriteWhatIsRememberedOfADeployment(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	keep(s)
	const words = "Deployment web is being deleted"
	image := []string{"set", "image", "deployment/web", "app=holdfast.test/app:v2"}
	s.WantRefused(words, image...)
	whole := s.Idle("Deployment", "{name: web, finalizers: [example.com/mine]}", "v2") // says nothing of its deletion
	s.WantRefused(words, "replace", "-f", "-", whole)
	s.WantRefused("already exists", "create", "-f", "-", s.Idle("Deployment", "{name: web}", "v2"))
	s.Joe("delete", "deployment", "web", "--wait=false")

	// Changed all the same, by somebody who may: nothing comes of it.
	s.Must(image...)
	changed := s.Deployment("web")
	shop.Await(s.Shop, "the deployment controller has seen the change", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration >= changed.Generation
	})
	var sets appsv1.ReplicaSetList
	if err := shop.World.Client.List(t.Context(), &sets, client.InNamespace(s.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, rs := range sets.Items {
		if image := rs.Spec.Template.Spec.Containers[0].Image; image != "holdfast.test/app:v1" {
			t.Errorf("ReplicaSet %s has the image %s", rs.Name, image)
		}
	}
	s.Joe("delete", "deployment", "web", "--wait=false")
	letGo(s)
	wantKnown(s)
	s.WantHeld("v2")
}

// TestAFinalizerDoesNotOutlastWhatIsRemembered: the delay counts from when the
// Deployment is gone, and another deletion of it changes nothing but that.
func TestAFinalizerDoesNotOutlastWhatIsRemembered(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Second
	s := shop.OpenTenancy(t, shop.Patient, "limits: {recreateDelay: "+delay.String()+"}")
	keep(s)
	outlast := func() {
		t.Helper()
		at := remembered(s).At
		shop.Until(s.Shop, "the memory is old", func() bool { return time.Since(at) > delay })
	}
	outlast()
	s.Joe("create", "-f", "-", s.Idle("Deployment", "{name: other}", "v1"))
	s.Joe("delete", "deployment", "other") // what is old is forgotten
	s.WantRefused("Deployment web is being deleted", "set", "image", "deployment/web", "app=holdfast.test/app:v2")
	s.Joe("delete", "deployment", "web", "--wait=false")
	outlast()
	letGo(s)
	wantKnown(s)
}

// TestAFullNamespaceIsNoWayOut: where the tenant has filled the Namespace object,
// nothing of it is deleted before there is room to remember it, also where the policy
// lets updates pass while Holdfast is down.
func TestAFullNamespaceIsNoWayOut(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "guard: enabled")
	const limit = 256 << 10 // of annotations, by the API server
	taken := len("fill")
	for key, value := range shop.Get(s.Shop, s.Namespace, &corev1.Namespace{}).Annotations {
		taken += len(key) + len(value)
	}
	s.Joe("patch", "namespace", s.Namespace, "--type=merge", "--patch-file=/dev/stdin",
		fmt.Sprintf(`{"metadata":{"annotations":{"fill":%q}}}`+"\n", strings.Repeat("x", limit-taken)))
	s.WantRefused("take annotations or finalizers off the namespace", "delete", "deployment", "web")
	s.WantImage("v1")
	s.Joe("annotate", "namespace", s.Namespace, "fill-")
	s.Joe("delete", "deployment", "web")
	wantKnown(s)
}

// TestADeletionIsRememberedWhoeverDeletes: a tenant can have the garbage collector
// delete, by an owner of the Deployment that goes. Its user depends on how the
// controller manager is run.
func TestADeletionIsRememberedWhoeverDeletes(t *testing.T) {
	t.Parallel()
	for name, deletes := range map[string]func(shop.Tenancy){
		"the collector, with credentials of its own": func(s shop.Tenancy) {
			s.Joe("create", "configmap", "owner")
			s.Joe("patch", "deployment", "web", "--type=merge", "-p", fmt.Sprintf(
				`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":%q}]}}`, shop.Get(s.Shop, "owner", &corev1.ConfigMap{}).UID))
			s.Joe("delete", "configmap", "owner")
		},
		"the collector, as the controller manager": func(s shop.Tenancy) {
			s.LetControllersDelete()
			s.Must(shop.AsControllerManager, "delete", "--raw", s.Path("/web"), "-f", "-", s.AsCollectorDeletes())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.OpenTenancy(t, shop.Patient)
			deletes(s)
			shop.AwaitGone(s.Shop, "web", &appsv1.Deployment{})
			wantKnown(s)
		})
	}
}

// TestATenantCannotKeepACanary beyond the bounds of its plan, by a finalizer on the
// Deployment, or on the run that it belongs to, where somebody may put one.
func TestATenantCannotKeepACanary(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"canaryrun", "deployment"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := shop.OpenTenancy(t, shop.Patient)
			run := s.WantHeld("v2")
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			name := map[string]string{"canaryrun": run.Name, "deployment": "web"}[kind]
			as := s.Joe
			if kind == "canaryrun" {
				s.WantRefused("would keep it", "patch", kind, name, "--type=merge", "-p", finalizer)
				as = s.Must // who is exempt
			}
			as("patch", kind, name, "--type=merge", "-p", finalizer)
			s.Joe("delete", kind, name, "--wait=false")
			shop.AwaitNone(s.Shop, "pods of the run", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
			s.Joe("patch", kind, name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
		})
	}
}

// TestAGuardedNamespaceIsDeletedWhole: nothing can be made in it any more, so
// nothing is remembered, and nothing that lets go of its Deployments is refused.
func TestAGuardedNamespaceIsDeletedWhole(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	s.Joe("patch", "deployment", "web", "--type=merge", "-p", finalizer)
	s.Must("delete", "namespace", s.Namespace, "--wait=false")
	shop.Await(s.Shop, "the Deployment is being deleted", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.DeletionTimestamp != nil })
	s.Must("delete", "deployment", "web", "--wait=false")
	for key := range shop.Get(s.Shop, s.Namespace, &corev1.Namespace{}).Annotations {
		if key == v1alpha1.DeletedAnnotation("web") {
			t.Error("the namespace remembers the Deployment")
		}
	}
	s.Must("patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	shop.AwaitGone(s.Shop, s.Namespace, &corev1.Namespace{})
}
