package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// editor gives a user the ClusterRole edit in the shop, and nothing else.
const editor = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editor}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}]
`

// edits is a client of a user who may edit the shop.
func (s *shop) edits(user string, warnings rest.WarningHandler) client.Client {
	s.t.Helper()
	s.must("apply", "-f", "-", fmt.Sprintf(editor, user))
	config, err := world.cluster.RESTConfig()
	if err != nil {
		s.t.Fatal(err)
	}
	config.QPS, config.WarningHandler = -1, warnings
	config.Impersonate.UserName = user
	c, err := client.New(config, client.Options{Scheme: clientgoscheme.Scheme})
	if err != nil {
		s.t.Fatal(err)
	}
	s.awaitCan(user, "patch", "deployments.apps")
	return c
}

// setTemplate updates the template of "web" and returns what became of it.
func (s *shop) setTemplate(ctx context.Context, as client.Client, image string, annotations map[string]string, args ...string) (*appsv1.Deployment, error) {
	container := map[string]any{"name": "app", "image": image}
	if args != nil {
		container["args"] = args
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": annotations},
		"spec":     map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	})
	if err != nil {
		return nil, err
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "web"}}
	return d, as.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, patch))
}

// TestATenantDoesNotUngateAnother: while a tenant keeps 80 large updates in flight, which say in an annotation
// that they are Holdfast's, each update of another is held. The other's namespace fails open: what is not answered
// in time passes. That of the flood fails closed, and its Deployment is paused, so that the API server has no more
// to do than others have. The test runs alone.
func TestATenantDoesNotUngateAnother(t *testing.T) {
	const inFlight, updates = 80, 20
	hog, neighbour := open(t, settings{noLoad: true, guard: v1alpha1.CanaryRequired}), open(t, settings{noLoad: true, plan: longPlan})
	hog.must("annotate", "namespace", hog.namespace, v1alpha1.PlanAnnotation+"=none-such")
	hog.must("rollout", "pause", "deployment/web")
	said := &warnings{}
	mallory, joe := hog.edits("mallory", rest.NoWarnings{}), neighbour.edits("joe", said)
	before := restarts(t)
	ctx, stop := context.WithCancel(t.Context())
	var begun, refused atomic.Int64
	var all sync.WaitGroup
	full := make(chan struct{})
	forged := map[string]string{"note": `"username":"` + evaluatorUser + `"`}
	for i := range inFlight {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if begun.Add(1) == inFlight {
					close(full)
				}
				_, err := hog.setTemplate(ctx, mallory, fmt.Sprintf("holdfast.test/app:large-%d-%d", i, n), forged, strings.Repeat("x", 1<<20))
				if err != nil && !errors.Is(err, context.Canceled) {
					refused.Add(1)
				}
			}
		})
	}
	<-full
	*said = nil
	for i := range updates {
		running := neighbour.deployment("web").Spec.Template.Spec.Containers[0].Image
		start := time.Now()
		d, err := neighbour.setTemplate(ctx, joe, fmt.Sprintf("holdfast.test/app:v%d", 2+i), nil)
		switch {
		case err != nil:
			t.Errorf("update %d: %v", i, err)
		case d.Annotations[v1alpha1.HeldAnnotation] == "" || d.Spec.Template.Spec.Containers[0].Image != running:
			t.Errorf("update %d passed without a canary after %s, saying %q", i, time.Since(start), *said)
		}
		*said = nil
	}
	stop()
	all.Wait()
	t.Logf("of %d updates of the hog %d were refused", begun.Load(), refused.Load())
	neighbour.wantImage("v1")
	wantNoRestart(t, before)
}
