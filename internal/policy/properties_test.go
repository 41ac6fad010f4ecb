package policy

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func throw(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 1))} }

func (d dice) policies() []v1alpha1.CanaryPolicy {
	var out []v1alpha1.CanaryPolicy
	for _, name := range []string{"a", "b", "c", "d"}[:1+d.IntN(4)] {
		out = append(out, d.policy(name))
	}
	return out
}

// TestCombiningKnowsNoOrderAndNoCount: policies come to the same in whatever order, and twice as once.
func TestCombiningKnowsNoOrderAndNoCount(t *testing.T) {
	for seed := range uint64(500) {
		d := throw(seed)
		policies := d.policies()
		want := Combine(policies)
		shuffled := append(slices.Clone(policies), policies...)
		d.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(want, Combine(shuffled)); diff != "" {
			t.Fatalf("seed %d: shuffled and doubled (-once +shuffled):\n%s", seed, diff)
		}
	}
}

// checkWithin is what must hold of every plan that policies were applied to.
func checkWithin(t *testing.T, policies []v1alpha1.CanaryPolicy, plan v1alpha1.CanaryPlanSpec, replicas int32) {
	t.Helper()
	all := Combine(policies)
	applied, _ := all.Apply(plan, replicas)
	if again, changes := all.Apply(applied, replicas); len(changes) > 0 {
		t.Errorf("applied twice, changes once more: %v\n%s", changes, cmp.Diff(applied, again))
	}
	for _, one := range policies {
		limits := one.Spec.Limits
		// Alone it finds nothing to change in what all together made of the plan.
		if _, changes := Combine([]v1alpha1.CanaryPolicy{one}).Apply(applied, replicas); len(changes) > 0 {
			t.Errorf("policy %s is not kept: %v", one.Name, changes)
		}
		if limits.MinPeriod != nil && applied.Total() < limits.MinPeriod.Duration {
			t.Errorf("policy %s: %s in all, want at least %s", one.Name, applied.Total(), limits.MinPeriod.Duration)
		}
		if limits.MaxDeadline != nil && applied.Deadline.Duration > limits.MaxDeadline.Duration {
			t.Errorf("policy %s: deadline %s, want at most %s", one.Name, applied.Deadline.Duration, limits.MaxDeadline.Duration)
		}
		for i, step := range append(slices.Clone(applied.Steps), v1alpha1.Step{Weight: weightOf(applied)}) {
			if step.Weight != nil && (limits.MaxWeight != nil && *step.Weight > *limits.MaxWeight || len(limits.TrafficSources) == 1) {
				t.Errorf("policy %s: weight %d in step %d", one.Name, *step.Weight, i)
			}
		}
		for i, step := range append(slices.Clone(applied.Steps), v1alpha1.Step{Match: matchOf(applied)}) {
			if !limits.RequestMatch.Allows(step.Match) {
				t.Errorf("policy %s: match %+v in step %d", one.Name, *step.Match, i)
			}
		}
		if applied.Probe != nil {
			if limits.Probe == v1alpha1.ProbeNone {
				t.Errorf("policy %s: there is a probe", one.Name)
			}
			for _, is := range []v1alpha1.ProbeAmounts{applied.Probe.Resources.Requests, applied.Probe.Resources.Limits} {
				for _, pair := range [][2]*resource.Quantity{{is.CPU, limits.MaxProbeResources.CPU}, {is.Memory, limits.MaxProbeResources.Memory}} {
					if pair[1] != nil && (pair[0] == nil || pair[0].Cmp(*pair[1]) > 0) {
						t.Errorf("policy %s: the probe may have %v, want at most %s", one.Name, pair[0], pair[1])
					}
				}
			}
		}
		for _, metric := range one.Spec.Metrics {
			if !slices.ContainsFunc(applied.Analysis.Metrics, func(m v1alpha1.Metric) bool { return m.Name == metric.Name && m.Query == metric.Query }) {
				t.Errorf("policy %s: metric %s is missing", one.Name, metric.Name)
			}
		}
		if may, _ := all.MaySkip("u1", nil); may {
			if alone, _ := Combine([]v1alpha1.CanaryPolicy{one}).MaySkip("u1", nil); !alone {
				t.Errorf("policy %s: u1 may skip with others, and not without", one.Name)
			}
		}
	}
}

// TestOneMorePolicyIsNeverLaxer: a plan brought within the bounds of several policies is within
// those of each.
func TestOneMorePolicyIsNeverLaxer(t *testing.T) {
	for seed := range uint64(2000) {
		d := throw(seed)
		policies, plan, replicas := d.policies(), d.plan(), d.Int32N(40)
		checkWithin(t, policies, plan, replicas)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzApply does the same with what the fuzzer finds.
func FuzzApply(f *testing.F) {
	f.Add(uint64(1), int32(0))
	f.Add(uint64(99), int32(1<<30))
	f.Fuzz(func(t *testing.T, seed uint64, replicas int32) {
		d := throw(seed)
		checkWithin(t, d.policies(), d.plan(), max(replicas, 0))
	})
}

func weightOf(plan v1alpha1.CanaryPlanSpec) *int32 {
	if plan.Traffic == nil {
		return nil
	}
	return plan.Traffic.Weight
}
