package e2e

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
)

// finalizer keeps a Deployment that its owner has deleted.
const finalizer = `{"metadata":{"finalizers":["example.com/mine"]}}`

// keep has the Deployment kept by a finalizer of the tenant's, and deletes it.
func (s tenancy) keep() {
	s.t.Helper()
	s.joe("patch", "deployment", "web", "--type=merge", "-p", finalizer)
	s.joe("delete", "deployment", "web", "--cascade=orphan", "--wait=false")
	await(s.shop, "nothing but the tenant keeps the Deployment", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.DeletionTimestamp != nil && len(d.Finalizers) == 1
	})
}

// letGo takes the finalizer off.
func (s tenancy) letGo() {
	s.t.Helper()
	s.joe("patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	awaitGone(s.shop, "web", &appsv1.Deployment{})
}

// remembered is what the namespace remembers of the Deployment.
func (s tenancy) remembered() hold.Deleted {
	s.t.Helper()
	memory, err := hold.ParseDeleted(get(s.shop, s.namespace, &corev1.Namespace{}).Annotations[v1alpha1.DeletedAnnotation("web")])
	if err != nil {
		s.t.Fatal(err)
	}
	return memory
}

// wantKnown wants the template v2 refused to whoever makes the Deployment anew,
// and v1 made.
func (s tenancy) wantKnown() {
	s.t.Helper()
	s.wantRefused("which CanaryPolicy "+s.namespace+"-tenants does not allow", "apply", "-f", "-", s.web("v2"))
	s.joe("apply", "-f", "-", s.web("v1"))
	s.wantImage("v1")
}

// TestATenantCannotRewriteWhatIsRememberedOfADeployment by changing it while a
// finalizer keeps it, and deleting it once more.
func TestATenantCannotRewriteWhatIsRememberedOfADeployment(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	s.keep()
	const words = "Deployment web is being deleted"
	image := []string{"set", "image", "deployment/web", "app=holdfast.test/app:v2"}
	s.wantRefused(words, image...)
	whole := s.idle("Deployment", "{name: web, finalizers: [example.com/mine]}", "v2") // says nothing of its deletion
	s.wantRefused(words, "replace", "-f", "-", whole)
	s.wantRefused("already exists", "create", "-f", "-", s.idle("Deployment", "{name: web}", "v2"))
	s.joe("delete", "deployment", "web", "--wait=false")

	// Changed all the same, by somebody who may: nothing comes of it.
	s.must(image...)
	changed := s.deployment("web")
	await(s.shop, "the deployment controller has seen the change", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration >= changed.Generation
	})
	var sets appsv1.ReplicaSetList
	if err := world.client.List(t.Context(), &sets, client.InNamespace(s.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, rs := range sets.Items {
		if image := rs.Spec.Template.Spec.Containers[0].Image; image != "holdfast.test/app:v1" {
			t.Errorf("ReplicaSet %s has the image %s", rs.Name, image)
		}
	}
	s.joe("delete", "deployment", "web", "--wait=false")
	s.letGo()
	s.wantKnown()
	s.wantHeld("v2")
}

// TestAFinalizerDoesNotOutlastWhatIsRemembered: the delay counts from when the
// Deployment is gone, and another deletion of it changes nothing but that.
func TestAFinalizerDoesNotOutlastWhatIsRemembered(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Second
	s := openTenancy(t, patient, "limits: {recreateDelay: "+delay.String()+"}")
	s.keep()
	outlast := func() {
		t.Helper()
		at := s.remembered().At
		until(s.shop, "the memory is old", func() bool { return time.Since(at) > delay })
	}
	outlast()
	s.joe("create", "-f", "-", s.idle("Deployment", "{name: other}", "v1"))
	s.joe("delete", "deployment", "other") // what is old is forgotten
	s.wantRefused("Deployment web is being deleted", "set", "image", "deployment/web", "app=holdfast.test/app:v2")
	s.joe("delete", "deployment", "web", "--wait=false")
	outlast()
	s.letGo()
	s.wantKnown()
}

// TestAFullNamespaceIsNoWayOut: where the tenant has filled the Namespace object,
// nothing of it is deleted before there is room to remember it, also where the policy
// lets updates pass while Holdfast is down.
func TestAFullNamespaceIsNoWayOut(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient, "guard: enabled")
	const limit = 256 << 10 // of annotations, by the API server
	taken := len("fill")
	for key, value := range get(s.shop, s.namespace, &corev1.Namespace{}).Annotations {
		taken += len(key) + len(value)
	}
	s.joe("patch", "namespace", s.namespace, "--type=merge", "--patch-file=/dev/stdin",
		fmt.Sprintf(`{"metadata":{"annotations":{"fill":%q}}}`+"\n", strings.Repeat("x", limit-taken)))
	s.wantRefused("take annotations or finalizers off the namespace", "delete", "deployment", "web")
	s.wantImage("v1")
	s.joe("annotate", "namespace", s.namespace, "fill-")
	s.joe("delete", "deployment", "web")
	s.wantKnown()
}

// TestADeletionIsRememberedWhoeverDeletes: a tenant can have the garbage collector
// delete, by an owner of the Deployment that goes. Its user depends on how the
// controller manager is run.
func TestADeletionIsRememberedWhoeverDeletes(t *testing.T) {
	t.Parallel()
	for name, deletes := range map[string]func(tenancy){
		"the collector, with credentials of its own": func(s tenancy) {
			s.joe("create", "configmap", "owner")
			s.joe("patch", "deployment", "web", "--type=merge", "-p", fmt.Sprintf(
				`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":%q}]}}`, get(s.shop, "owner", &corev1.ConfigMap{}).UID))
			s.joe("delete", "configmap", "owner")
		},
		"the collector, as the controller manager": func(s tenancy) {
			s.letControllersDelete()
			s.must(asControllerManager, "delete", "--raw", s.path("/web"), "-f", "-", s.asCollectorDeletes())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTenancy(t, patient)
			deletes(s)
			awaitGone(s.shop, "web", &appsv1.Deployment{})
			s.wantKnown()
		})
	}
}

// asControllerManager is the user of all controllers where they have no
// credentials of their own (--use-service-account-credentials=false).
const asControllerManager = "--as=system:kube-controller-manager"

// letControllersDelete gives that user what it needs for it here.
func (s tenancy) letControllersDelete() {
	s.t.Helper()
	s.must("create", "rolebinding", "controllers", "--clusterrole=edit", "--user=system:kube-controller-manager")
	until(s.shop, "the controller manager may delete", func() bool {
		_, _, code := s.kubectl(asControllerManager, "auth", "can-i", "delete", "deployments.apps")
		return code == 0
	})
}

// path is that of the Deployments of the namespace.
func (s tenancy) path(rest string) string {
	return "/apis/apps/v1/namespaces/" + s.namespace + "/deployments" + rest
}

// asCollectorDeletes is what the garbage collector sends (pkg/controller/garbagecollector).
func (s tenancy) asCollectorDeletes() string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":%q},"propagationPolicy":"Background"}`+"\n", s.deployment("web").UID)
}

// TestATenantCannotKeepACanary beyond the bounds of its plan, by a finalizer on the
// run that it belongs to, or on the Deployment.
func TestATenantCannotKeepACanary(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"canaryrun", "deployment"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := openTenancy(t, patient)
			run := s.wantHeld("v2")
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			name := map[string]string{"canaryrun": run.Name, "deployment": "web"}[kind]
			s.joe("patch", kind, name, "--type=merge", "-p", finalizer)
			s.joe("delete", kind, name, "--wait=false")
			awaitNone(s.shop, "pods of the run", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
			s.joe("patch", kind, name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
		})
	}
}

// TestAGuardedNamespaceIsDeletedWhole: nothing can be made in it any more, so
// nothing is remembered, and nothing that lets go of its Deployments is refused.
func TestAGuardedNamespaceIsDeletedWhole(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	s.joe("patch", "deployment", "web", "--type=merge", "-p", finalizer)
	s.must("delete", "namespace", s.namespace, "--wait=false")
	await(s.shop, "the Deployment is being deleted", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.DeletionTimestamp != nil })
	s.must("delete", "deployment", "web", "--wait=false")
	for key := range get(s.shop, s.namespace, &corev1.Namespace{}).Annotations {
		if key == v1alpha1.DeletedAnnotation("web") {
			t.Error("the namespace remembers the Deployment")
		}
	}
	s.must("patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	awaitGone(s.shop, s.namespace, &corev1.Namespace{})
}
