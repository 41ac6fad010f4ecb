package evaluator

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestUngatedUpdates(t *testing.T) {
	set := func(tag string) func(*cluster) {
		return func(c *cluster) {
			d := c.deployment()
			d.Spec.Template = web(tag).Spec.Template
			c.must(c.api.Update(c.t.Context(), d))
		}
	}
	stamp := func(value string) func(*cluster) {
		return func(c *cluster) { c.annotateDeployment(map[string]string{v1alpha1.StableAnnotation: value}) }
	}
	unguard := func(c *cluster) {
		ns := &corev1.Namespace{}
		c.must(c.api.Get(c.t.Context(), types.NamespacedName{Name: namespace}, ns))
		ns.Labels = nil
		c.must(c.api.Update(c.t.Context(), ns))
	}
	for name, tc := range map[string]struct {
		do     []func(*cluster)
		stamp  string // the tag the stamp is the hash of, "" for no stamp
		events []string
		count  float64
		writes int
	}{
		"nothing has changed":              {nil, "v1", nil, 0, 0},
		"opted in a moment ago":            {[]func(*cluster){stamp("")}, "v1", nil, 0, 1},
		"changed past the webhook":         {[]func(*cluster){set("v3")}, "v3", []string{"UngatedUpdate"}, 1, 1},
		"changed where nothing is guarded": {[]func(*cluster){unguard, set("v3")}, "", nil, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			for _, do := range tc.do {
				do(c)
			}
			c.passes(4)
			want := ""
			if tc.stamp != "" {
				want = string(hashOf(t, tc.stamp))
			}
			if got := c.deployment().Annotations[v1alpha1.StableAnnotation]; got != want {
				t.Errorf("stamp %q, want that of %q", got, tc.stamp)
			}
			c.wantEvents(tc.events...)
			if got := testutil.ToFloat64(c.e.metrics.ungated); got != tc.count || c.writes != tc.writes {
				t.Errorf("counted %v, %d writes", got, c.writes)
			}
		})
	}
}

// The stamp is written before the update is told: what is told was counted once.
func TestAnUngatedUpdateIsToldOnceWhenTheWriteFails(t *testing.T) {
	c := newCluster(t)
	d := c.deployment()
	d.Spec.Template = web("v3").Spec.Template
	c.must(c.api.Update(t.Context(), d))
	c.failAt = 1
	c.passes(1)
	c.wantEvents()
	c.passes(3)
	c.wantEvents("UngatedUpdate")
}
