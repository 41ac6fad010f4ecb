// Package propose writes a first plan for a Deployment from what is there.
//
// It is pure.
package propose

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/surround"
)

// Wish is what the user says of the plan.
type Wish struct {
	// Name is that of the plan, the Deployment's if it is empty.
	Name string
	// Service is the Service by which requests come, "" if there is none to be sure of.
	Service string
	// Traffic is where the canary's requests come from, one of v1alpha1.TrafficSources in any case; "" for the
	// default.
	Traffic string
	// Weight is the share in percent that routes give the canary; 0 where they give it none.
	Weight int32
	// Period is how long the canary must stay good.
	Period time.Duration
	// Quantile is a limit of durations by Istio's metrics, such as "P99<310", in milliseconds; "" for none.
	Quantile string
	// Success is the share of requests that must succeed by Istio's metrics, such as 0.95; negative for none.
	Success float64
	// PodLabels and DeploymentLabels are selectors of labels that fail the canary, "" for none.
	PodLabels, DeploymentLabels string
	// DryRun has the plan release nothing.
	DryRun bool
}

// readyDeadline is the default of a plan.
const readyDeadline = 10 * time.Minute

// Plan is a plan for a Deployment, and remarks for whoever applies it. services are those of its namespace.
func Plan(d *appsv1.Deployment, services []surround.Service, w Wish) (*v1alpha1.CanaryPlan, []string, error) {
	remarks, err := serving(d, services, w.Service)
	if err != nil {
		return nil, nil, err
	}
	plan := &v1alpha1.CanaryPlan{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CanaryPlan"},
		ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: d.Namespace},
	}
	if plan.Name == "" {
		plan.Name = d.Name
	}
	if inline.Present(d.Annotations) {
		spec, errs := inline.Parse(d.Annotations)
		if len(errs) > 0 {
			return nil, nil, fmt.Errorf("the plan in the annotations of the Deployment cannot be followed: %w", errs.ToAggregate())
		}
		plan.Spec.Analysis.Metrics, plan.Spec.Analysis.Source, plan.Spec.Analysis.Interval = spec.Analysis.Metrics, spec.Analysis.Source, spec.Analysis.Interval
		plan.Spec.Analysis.Period = spec.Analysis.Period
		remarks = append(remarks, "The plan has what the annotations of the Deployment say. They count as long as they are there; take them off.")
	}
	if w.Period != 0 {
		plan.Spec.Analysis.Period = &metav1.Duration{Duration: w.Period}
	}
	if progress := d.Spec.ProgressDeadlineSeconds; progress != nil && time.Duration(*progress)*time.Second != readyDeadline && *progress < 1<<31-1 {
		plan.Spec.ReadyDeadline = &metav1.Duration{Duration: time.Duration(*progress) * time.Second}
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		plan.Spec.BesideRecreate = true
		remarks = append(remarks, "The strategy of the Deployment is Recreate. With besideRecreate a canary runs beside its pods; take that off if two versions must never run at once, and there is no canary.")
	}
	plan.Spec.DryRun = w.DryRun
	if plan.Spec.Traffic, err = traffic(w); err != nil {
		return nil, nil, err
	}
	if err := metrics(&plan.Spec, w); err != nil {
		return nil, nil, err
	}
	checked := plan.Spec.DeepCopy()
	checked.SetDefaults()
	if errs := query.ValidatePlan(checked, field.NewPath("spec")); len(errs) > 0 {
		return nil, nil, errs.ToAggregate()
	}
	if d.Annotations[v1alpha1.PlanAnnotation] != plan.Name && plan.Name != "default" {
		remarks = append(remarks, fmt.Sprintf("A Deployment names its plan: kubectl annotate -n %s deployment/%s %s=%s", d.Namespace, d.Name, v1alpha1.PlanAnnotation, plan.Name))
	}
	return plan, remarks, nil
}

// defaultWeight is the share of a canary of whose weight the user says nothing.
const defaultWeight = 10

// traffic is where the canary's requests come from, nil for the default.
func traffic(w Wish) (*v1alpha1.Traffic, error) {
	i := slices.IndexFunc(v1alpha1.TrafficSources, func(s v1alpha1.TrafficSource) bool { return strings.EqualFold(string(s), w.Traffic) })
	switch {
	case w.Traffic != "" && i < 0:
		return nil, fmt.Errorf("--traffic is %q; it must be one of %v", w.Traffic, v1alpha1.TrafficSources)
	case w.Weight != 0 && (i < 0 || !v1alpha1.TrafficSources[i].ByRoutes()):
		return nil, errors.New("--weight is for --traffic=Weighted or --traffic=Mirror; set one of these, or take it off")
	case i < 0:
		return nil, nil
	}
	out := &v1alpha1.Traffic{Source: v1alpha1.TrafficSources[i]}
	switch {
	case out.Source == v1alpha1.TrafficWeighted:
		out.Weight = new(cmp.Or(w.Weight, defaultWeight))
	case w.Weight != 0:
		out.Weight = new(w.Weight)
	}
	return out, nil
}

// serving looks for the Service that was named, or else tells which there are.
func serving(d *appsv1.Deployment, services []surround.Service, named string) ([]string, error) {
	template := surround.PodTemplate{Labels: d.Spec.Template.Labels}
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, port := range c.Ports {
			template.Ports = append(template.Ports, port.Name)
		}
	}
	var serve []string
	there := false
	for _, s := range services {
		there = there || s.Name == named
		if s.Serves(template) {
			serve = append(serve, s.Name)
		}
	}
	slices.Sort(serve)
	others := "no Service sends requests to its pods"
	if len(serve) > 0 {
		others = "to its pods send " + strings.Join(serve, ", ")
	}
	switch {
	case named == "" && len(serve) == 0:
		return []string{"No Service sends requests to the pods of the Deployment, so metrics of requests may have no data."}, nil
	case named == "" || slices.Contains(serve, named):
		return nil, nil
	case !there:
		return nil, fmt.Errorf("there is no Service %q in namespace %s; %s", named, d.Namespace, others)
	}
	return nil, fmt.Errorf("Service %q sends no requests to pods of Deployment %s: its selector or its ports do not fit; %s", named, d.Name, others) //nolint:staticcheck // a kind
}

// quantile is how Kanary writes it: P99<310, in milliseconds.
var quantile = regexp.MustCompile(`^[Pp]([0-9]{1,2}(?:\.[0-9]+)?)\s*(<=?)\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s)?$`)

// metrics adds the criteria that the user asks for.
func metrics(spec *v1alpha1.CanaryPlanSpec, w Wish) error {
	a := &spec.Analysis
	istio := func(name, expect string) {
		m := v1alpha1.Metric{Name: name, Expect: expect, Source: v1alpha1.SourceIstio}
		a.Metrics = append(a.Metrics, m)
	}
	if w.Quantile != "" {
		form := quantile.FindStringSubmatch(strings.TrimSpace(w.Quantile))
		if form == nil {
			return fmt.Errorf("--validation-promql-istio-quantile is %q; it must be like P99<310, in milliseconds", w.Quantile)
		}
		unit := form[4]
		if unit == "" {
			unit = "ms"
		}
		istio("latency", fmt.Sprintf("P%s %s %s%s", form[1], form[2], form[3], unit))
	}
	if w.Success >= 0 {
		if w.Success > 1 {
			return fmt.Errorf("--validation-promql-istio-success is %g; it is a share from 0 to 1, such as 0.95", w.Success)
		}
		istio("success", "success >= "+strconv.FormatFloat(w.Success, 'f', -1, 64))
	}
	for _, watch := range []struct {
		name, flag, selector string
		of                   v1alpha1.LabelsOf
	}{
		{"pod-labels", "--validation-labelwatch-pod", w.PodLabels, v1alpha1.LabelsOfPods},
		{"deployment-labels", "--validation-labelwatch-dep", w.DeploymentLabels, v1alpha1.LabelsOfDeployment},
	} {
		if watch.selector == "" {
			continue
		}
		selector, err := metav1.ParseToLabelSelector(watch.selector)
		if err != nil {
			return fmt.Errorf("%s: %w", watch.flag, err)
		}
		a.Metrics = append(a.Metrics, v1alpha1.Metric{Name: watch.name, Labels: &v1alpha1.LabelWatch{Selector: *selector, Of: watch.of}})
	}
	return nil
}
