package outages

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestATenantCannotForgeAStamp: what passes while Holdfast is away, in a namespace whose policy fails open,
// is told when it is back, whatever its author makes of the stamp: takes it off in the same request, writes
// the hash of what he runs, or puts behind that the seal of the stamp that was there.
func TestATenantCannotForgeAStamp(t *testing.T) {
	none, bare, resealed := openStamped(t), openStamped(t), openStamped(t)
	time.Sleep(time.Until(resealed.Deployment("web").CreationTimestamp.Add(20 * time.Second))) // until then they are taken for some that were just made
	for _, s := range []shop.Tenancy{none, bare, resealed} {
		s.WantRefused("is Holdfast's own", "annotate", "namespace", s.Namespace, v1alpha1.StampedAnnotation+"-")
	}
	stamp := resealed.Deployment("web").Annotations[v1alpha1.StableAnnotation]
	seal := stamp[strings.LastIndexByte(stamp, ' '):]
	back := takeDown(t)

	change(none, nil)
	change(bare, nil)
	change(bare, hashOf(bare))
	change(resealed, stamp)
	change(resealed, hashOf(resealed)+seal)
	back()
	for _, s := range []shop.Tenancy{none, bare, resealed} {
		s.WantEvents("UngatedUpdate")
		shop.Await(s.Shop, "its stamp is Holdfast's again", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			now := d.Annotations[v1alpha1.StableAnnotation]
			return string(hold.PeekStamp(now).Hash) == hashOf(s) && now != hashOf(s)+seal
		})
	}
}

// openStamped is a tenant's shop of which Holdfast knows that all of its Deployments are stamped.
func openStamped(t *testing.T) shop.Tenancy {
	t.Helper()
	s := shop.OpenTenancy(t, shop.Patient, "guard: enabled")
	shop.Await(s.Shop, "all of it is stamped", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Annotations[v1alpha1.StampedAnnotation] != ""
	})
	return s
}

// change gives the Deployment another image and a stamp, nil for none, in one request of the tenant.
func change(s shop.Tenancy, stamp any) {
	s.T.Helper()
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{v1alpha1.StableAnnotation: stamp}},
		"spec":     map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "holdfast.test/app:v2"}}}}},
	})
	if err != nil {
		s.T.Fatal(err)
	}
	s.Joe("patch", "deployment", "web", "-p", string(patch))
	s.WantImage("v2")
}

func hashOf(s shop.Tenancy) string {
	s.T.Helper()
	d := &unstructured.Unstructured{}
	d.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	template, _, err := unstructured.NestedMap(shop.Get(s.Shop, "web", d).Object, "spec", "template")
	if err != nil {
		s.T.Fatal(err)
	}
	hash, err := hold.HashOf(template)
	if err != nil {
		s.T.Fatal(err)
	}
	return string(hash)
}
