package evaluator

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// tellOvertaken tells of updates that come faster than a canary takes, when one more run has been
// superseded: nothing gets out any more, and no run says so. While a Deployment is paused that is meant.
func (r *runReconciler) tellOvertaken(ctx context.Context, seen observed, after v1alpha1.CanaryRunStatus) {
	if after.Verdict == "" {
		r.metrics.superseded.Inc()
	}
	if seen.deployment.Unstructured == nil || seen.Deployment.Paused {
		return
	}
	runs, err := r.objects.runsOf(ctx, seen.deployment)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "runs not counted")
		return
	}
	for i := range runs {
		if runs[i].UID == seen.run.UID { // the cache may not have seen its end yet
			runs[i].Status = after
		}
	}
	if inARow, since := lifecycle.Overtaken(runs); inARow >= lifecycle.TooMany {
		ctrl.LoggerFrom(ctx).Info("updates come faster than a canary takes", "inARow", inARow, "since", since)
		r.announce.overtaken(seen.deployment, inARow, since)
	}
}

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
	d := deployment{newDeployment()}
	err := c.objects.Get(ctx, name, d.Unstructured)
	return apierrors.IsNotFound(err) || err == nil && d.view().Paused()
}
