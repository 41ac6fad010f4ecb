package traffic

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/listing"
)

func TestASweepTakesTheSharesOfRunsThatAreOver(t *testing.T) {
	has := &v1alpha1.WeightStatus{Percent: 5}
	for sentence, tc := range map[string]struct {
		status *v1alpha1.CanaryRunStatus // nil where the run is gone
		off    bool
	}{
		"it is gone":                    {nil, true},
		"it has ended without a share":  {&v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseReverted}, true},
		"it has ended, and is about to": {&v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseReverted, Weight: has}, false},
		"it is under way":               {&v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseRunning, Weight: has}, false},
		"it has written nothing yet":    {&v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseStarting}, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			r, c := cluster(t, webRoute)
			before := routeOf(t, c, "web")
			must(t, r.Share(t.Context(), run, 5))
			laid := routeOf(t, c, "web")
			scheme := runtime.NewScheme()
			must(t, v1alpha1.AddToScheme(scheme))
			runs := fake.NewClientBuilder().WithScheme(scheme)
			if tc.status != nil {
				runs.WithObjects(&v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: run.Name}, Status: *tc.status})
			}
			s := &Sweeper{Router: r, Runs: runs.Build()}
			result, err := s.Reconcile(t.Context(), ctrl.Request{})
			if err != nil || result.RequeueAfter != again {
				t.Errorf("got %v, %v", result, err)
			}
			want := laid
			if tc.off {
				want = before
			}
			if diff := cmp.Diff(want, routeOf(t, c, "web")); diff != "" {
				t.Errorf("the route (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWithoutAKeySharesAreTakenOffOnly of the route that their record is for.
func TestWithoutAKeySharesAreTakenOffOnly(t *testing.T) {
	ctx := context.Background()
	copied := strings.NewReplacer("name: web, namespace", "name: copied, namespace", "uid: route-uid", "uid: other-uid").Replace(webRoute)
	r, c := cluster(t, webRoute, copied)
	before := routeOf(t, c, "web")
	must(t, r.Share(t.Context(), run, 5))
	record := routeOf(t, c, "web").GetAnnotations()[v1alpha1.OverlayAnnotation]
	beside := routeOf(t, c, "copied")
	if record == "" || beside.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" {
		t.Fatal("nothing is laid")
	}
	change, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.OverlayAnnotation: record}}})
	must(t, err)
	must(t, c.Patch(ctx, beside, client.RawPatch(types.MergePatchType, change)))
	beside = routeOf(t, c, "copied")

	r.Key = nil
	off, err := r.TakeOff(ctx, "", func(string, string) bool { return true })
	if diff := cmp.Diff([]string{"HTTPRoute shop/web"}, off); err != nil || diff != "" {
		t.Errorf("taken off: error %v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
		t.Errorf("the route (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(beside, routeOf(t, c, "copied")); diff != "" {
		t.Errorf("the route with the record of another (-want +got):\n%s", diff)
	}
}

// withoutRight may not list routes.
type withoutRight struct{ listing.Lister }

func (r withoutRight) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Group == kinds[0].Group {
		return apierrors.NewForbidden(schema.GroupResource{Group: q.Kind.Group, Resource: "httproutes"}, "", nil)
	}
	return r.Lister.Each(ctx, q, visit)
}

func TestWithoutTheRightToRoutesARunSaysSo(t *testing.T) {
	ctx := context.Background()
	r, _ := cluster(t, webRoute)
	r.Live = withoutRight{r.Live}
	got, err := r.Look(ctx, run, nil)
	if diff := cmp.Diff(lifecycle.Routing{Refused: NoRight}, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	// What it has said to be there is there still, and keeps the pods.
	got, err = r.Look(ctx, run, &v1alpha1.WeightStatus{Percent: 5, Routes: []string{"HTTPRoute/web"}})
	if diff := cmp.Diff(lifecycle.Routing{Refused: NoRight, Laid: []string{"HTTPRoute/web"}, Percent: 5}, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	off, err := r.TakeOff(ctx, "", func(string, string) bool { return true })
	if err != nil || len(off) > 0 {
		t.Errorf("taken off: %v, %v", off, err)
	}
}
