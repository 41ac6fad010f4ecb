package outages

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// TestHoldfastIsUpdatedUnderAStreamOfUpdates: its replicas are replaced one after
// the other, twice, while templates are sent without a pause. None fails, and
// none passes. The new replicas run with --rewrite-status=false, so the status is
// the controller's then, and Holdfast's again after them. The test runs alone.
func TestHoldfastIsUpdatedUnderAStreamOfUpdates(t *testing.T) {
	stage.Long(t)
	shops := []*shop.Shop{
		shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true}),
		shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Guard: v1alpha1.CanaryRequired}),
	}
	waiting := shops[0]
	held := func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 0
	}
	stop := stream(t, shops)
	shop.Await(waiting, "tools that wait go on waiting", "web", &appsv1.Deployment{}, held)

	args := withArgs(t, func(args []string) []string { return append(args, "--rewrite-status=false") })
	t.Cleanup(func() { // for the scenarios after this one, should it fail
		withArgs(t, func([]string) []string { return args })
	})
	awaitReplaced(t)
	shop.Await(waiting, "the status is the controller's own", "web", &appsv1.Deployment{}, shop.RolledOut)
	withArgs(t, func([]string) []string { return args })
	awaitReplaced(t)
	shop.Await(waiting, "tools that wait go on waiting", "web", &appsv1.Deployment{}, held)

	sent, problems := stop()
	t.Logf("%d templates were sent", sent)
	for _, problem := range problems[:min(len(problems), 10)] {
		t.Error(problem)
	}
	if len(problems) > 0 || sent < 10 {
		t.Errorf("of %d templates %d were not held", sent, len(problems))
	}
	for _, s := range shops {
		s.WantImage("v1")
		shop.WantNoneUngated(s)
	}
}

// stream sends new templates to the Deployments of all shops, one after the
// other, until it is stopped. It returns how many were sent and what was wrong.
func stream(t *testing.T, shops []*shop.Shop) (stop func() (int, []string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	counts, problems := make([]int, len(shops)), make([][]string, len(shops))
	var running sync.WaitGroup
	for i, s := range shops {
		running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				// Not ctx: what was sent is answered.
				if problem := sendTemplate(context.WithoutCancel(ctx), s.Namespace, n); problem != "" {
					problems[i] = append(problems[i], problem)
				}
				counts[i]++
			}
		})
	}
	return func() (int, []string) {
		cancel()
		running.Wait()
		total := 0
		for _, count := range counts {
			total += count
		}
		return total, slices.Concat(problems...)
	}
}

// sendTemplate says what went wrong, "" if the template was held.
func sendTemplate(ctx context.Context, namespace string, n int) string {
	container := map[string]any{"name": "app", "image": fmt.Sprintf("holdfast.test/app:v%d", n+2)}
	patch := shop.Encode(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}}})
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}}
	began := time.Now()
	err := shop.World.Client.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner("stream"))
	switch {
	case err != nil:
		return fmt.Sprintf("after %s: %v", time.Since(began), err)
	case d.Annotations[v1alpha1.HeldAnnotation] == "" || !strings.HasSuffix(d.Spec.Template.Spec.Containers[0].Image, ":v1"):
		return fmt.Sprintf("after %s: it runs %s", time.Since(began), d.Spec.Template.Spec.Containers[0].Image)
	}
	return ""
}

// withArgs changes the arguments of Holdfast and returns those it had.
func withArgs(t *testing.T, change func([]string) []string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), shop.Patience)
	defer cancel()
	d := &appsv1.Deployment{}
	if err := shop.World.Client.Get(ctx, client.ObjectKey{Namespace: shop.HoldfastNamespace, Name: "holdfast"}, d); err != nil {
		t.Fatal(err)
	}
	before := d.Spec.Template.Spec.Containers[0].Args
	args, err := json.Marshal(change(slices.Clone(before)))
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Sprintf(`[{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": %s}]`, args)
	if err := shop.World.Client.Patch(ctx, d, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
	return before
}

// awaitReplaced waits until all replicas of Holdfast are new ones, and the old ones are gone.
func awaitReplaced(t *testing.T) {
	t.Helper()
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	shop.Await(system, "Holdfast is replaced", "holdfast", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return shop.RolledOut(d) && d.Status.TerminatingReplicas != nil && *d.Status.TerminatingReplicas == 0
	})
}
