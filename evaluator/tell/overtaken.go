package tell

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
)

// overtakenDeployments counts at each scrape, by the runs in the cache, the Deployments whose
// updates come faster than a canary takes.
type overtakenDeployments struct{ objects client.Reader }

var overtakenDesc = prometheus.NewDesc("holdfast_overtaken_deployments",
	"Deployments of which three updates in a row or more were superseded before a verdict, and nothing was released since.", nil, nil)

// Describe implements prometheus.Collector.
func (c *overtakenDeployments) Describe(descs chan<- *prometheus.Desc) { descs <- overtakenDesc }

// Collect implements prometheus.Collector. It collects nothing while the cache is not filled.
func (c *overtakenDeployments) Collect(out chan<- prometheus.Metric) {
	if c.objects == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	var list v1alpha1.CanaryRunList
	if err := c.objects.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return
	}
	runs := map[types.NamespacedName][]v1alpha1.CanaryRun{}
	for i := range list.Items {
		of := types.NamespacedName{Namespace: list.Items[i].Namespace, Name: list.Items[i].Spec.Deployment}
		runs[of] = append(runs[of], list.Items[i])
	}
	count := 0
	for of, some := range runs {
		if inARow, _ := lifecycle.Overtaken(some); inARow >= lifecycle.TooMany && !c.isPaused(ctx, of) {
			count++
		}
	}
	out <- prometheus.MustNewConstMetric(overtakenDesc, prometheus.GaugeValue, float64(count))
}

// isPaused says whether a Deployment has its updates wait anyway: it is paused, or gone.
func (c *overtakenDeployments) isPaused(ctx context.Context, name types.NamespacedName) bool {
	d := objects.Deployment{Unstructured: objects.NewDeployment()}
	err := c.objects.Get(ctx, name, d.Unstructured)
	return apierrors.IsNotFound(err) || err == nil && d.View().Paused()
}
