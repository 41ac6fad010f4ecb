package policy

import (
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// dice makes policies and plans at random.
type dice struct{ *rand.Rand }

func (d dice) maybe() bool { return d.IntN(2) == 0 }

func (d dice) duration(most time.Duration) *metav1.Duration {
	return &metav1.Duration{Duration: time.Second + time.Duration(d.Int64N(int64(most/time.Second)))*time.Second}
}

func (d dice) size() *intstr.IntOrString {
	size := intstr.FromInt32(1 + d.Int32N(20))
	if d.maybe() {
		size = intstr.FromString(fmt.Sprintf("%d%%", 1+d.IntN(100)))
	}
	return &size
}

func (d dice) number() *int32 {
	n := d.Int32N(5)
	return &n
}

// metric is the same wherever it has the same name.
func (d dice) metric() v1alpha1.Metric {
	n := d.IntN(4)
	most := float64(n)
	return v1alpha1.Metric{Name: fmt.Sprintf("m%d", n), Query: "up{ {{canary}} }", Range: v1alpha1.Range{Max: &most}}
}

func (d dice) window() v1alpha1.FreezeWindow {
	return v1alpha1.FreezeWindow{Start: fmt.Sprintf("Fri %02d:00", d.IntN(24)), End: "Sun 08:00", TimeZone: "UTC"}
}

func (d dice) subjects() []v1alpha1.Subject {
	out := []v1alpha1.Subject{}
	for range d.IntN(3) {
		out = append(out, v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: fmt.Sprintf("u%d", d.IntN(3))})
	}
	return out
}

func (d dice) amounts() v1alpha1.ProbeAmounts {
	var out v1alpha1.ProbeAmounts
	if d.maybe() {
		out.CPU = resource.NewMilliQuantity(1+d.Int64N(100), resource.DecimalSI)
	}
	if d.maybe() {
		out.Memory = resource.NewQuantity(1+d.Int64N(256<<20), resource.BinarySI)
	}
	return out
}

func (d dice) policy(name string) v1alpha1.CanaryPolicy {
	p := v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	p.Spec.Guard = []v1alpha1.Guard{"", v1alpha1.GuardEnabled, v1alpha1.GuardRequired}[d.IntN(3)]
	l := &p.Spec.Limits
	for _, set := range []func(){
		func() { l.MinPeriod = d.duration(time.Hour) },
		func() { l.MaxInterval = d.duration(time.Minute) },
		func() { l.MaxDeadline = d.duration(48 * time.Hour) },
		func() { l.MaxReplicas = d.size() },
		func() { n := 1 + d.Int32N(5); l.MaxRuns = &n },
		func() { l.MaxFailureLimit = d.number() },
		func() { l.MaxRestartLimit = d.number() },
		func() { n := 1 + d.Int32N(100); l.MaxWeight = &n },
		func() {
			l.RequestMatch = []v1alpha1.RequestMatchLimit{v1alpha1.RequestMatchAny, v1alpha1.RequestMatchExact, v1alpha1.RequestMatchNone}[d.IntN(3)]
		},
		func() {
			l.TrafficSources = []v1alpha1.TrafficSource{v1alpha1.TrafficService, v1alpha1.TrafficWeighted}[:1+d.IntN(2)]
		},
		func() { l.Probe = []v1alpha1.ProbeLimit{v1alpha1.ProbeAllowed, v1alpha1.ProbeNone}[d.IntN(2)] },
		func() { l.MaxProbeResources = d.amounts() },
		func() { p.Spec.Metrics = []v1alpha1.Metric{d.metric()} },
		func() { p.Spec.FreezeWindows = []v1alpha1.FreezeWindow{d.window()} },
		func() { p.Spec.Allow.Skip = d.subjects() },
		func() { p.Spec.Prometheus.Endpoints = []string{"default", "other"}[:d.IntN(3)] },
		func() {
			p.Spec.Prometheus.Matchers = []string{`namespace="{{namespace}}"`, `cluster="a"`, `tier=~"b|c"`}[:d.IntN(4)]
		},
	} {
		if d.maybe() {
			set()
		}
	}
	return p
}

func (d dice) plan() v1alpha1.CanaryPlanSpec {
	var p v1alpha1.CanaryPlanSpec
	p.Replicas = d.size()
	p.Analysis.Period, p.Analysis.Interval = d.duration(time.Hour), d.duration(time.Minute)
	p.Analysis.InitialDelay, p.Analysis.FailureLimit, p.RestartLimit = d.duration(time.Minute), d.number(), d.number()
	for range d.IntN(3) {
		p.Analysis.Metrics = append(p.Analysis.Metrics, d.metric())
	}
	for range d.IntN(4) {
		step := v1alpha1.Step{Replicas: d.size()}
		if d.maybe() {
			podShare := 1 + d.Int32N(99)
			step = v1alpha1.Step{PodShare: &podShare}
		}
		if d.maybe() {
			step.Period = d.duration(time.Hour)
		}
		if d.maybe() {
			step.Metrics = []v1alpha1.Metric{d.metric()}
			step.Metrics[0].FailureLimit = d.number()
		}
		p.Steps = append(p.Steps, step)
	}
	if d.maybe() {
		weight := 1 + d.Int32N(100)
		p.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted, Weight: &weight}
		for i := range p.Steps {
			if own := 1 + d.Int32N(100); d.maybe() {
				p.Steps[i].Weight = &own
			}
		}
	}
	if d.maybe() {
		p.Probe = &v1alpha1.Probe{Resources: v1alpha1.ProbeResources{Requests: d.amounts(), Limits: d.amounts()}}
	}
	if d.maybe() {
		p.Deadline = d.duration(48 * time.Hour)
	}
	if d.maybe() {
		p.OnFailure = v1alpha1.FailureFreeze
	}
	p.SetDefaults()
	return p
}
