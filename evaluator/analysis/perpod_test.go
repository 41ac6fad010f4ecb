package analysis

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestPerPod(t *testing.T) {
	metric := v1alpha1.Metric{Range: between(0, 1), Per: "Pod"}
	other := v1alpha1.Metric{Range: between(0, 1), Per: "Pod", PodLabel: "instance"}
	ranged := v1alpha1.Metric{Range: between(0, 1), Per: "Pod", Over: fiveMinutes()}
	list := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Good: []string{"200"}, Tolerance: "10%"}, Per: "Pod"}
	of := func(wanted int32, p []Pod, s ...Series) Observation {
		return Observation{Answer: Answer{Series: s}, Pods: p, Wanted: wanted}
	}
	a, b := series(0, "pod", "a"), series(0, "pod", "b")
	bad := series(7, "pod", "b")
	check(t, map[string]judged{
		"all pods good":                     {metric: metric, o: of(2, pods("a", "b"), a, b), outcome: "Passed", reason: "InRange", value: "0"},
		"one bad pod fails":                 {metric: metric, o: of(2, pods("a", "b"), a, bad), outcome: "Failed", reason: "AboveMax", value: "7", says: `the worst, {pod="b"}`},
		"a pod without a series is no data": {metric: metric, o: of(2, pods("a", "b"), a), outcome: "NoData", reason: "PodMissing", value: "0", says: "1 of 2 canary pods have no series with their name in label pod: b"},
		"a bad pod fails beside a missing":  {metric: metric, o: of(2, pods("a", "b"), bad), outcome: "Failed", reason: "AboveMax", value: "7"},
		"a pod that is gone does not count": {metric: metric, o: of(1, pods("a"), a, bad), outcome: "Passed", reason: "InRange", value: "0"},
		"only others have series":           {metric: metric, o: of(1, pods("c"), a, bad), outcome: "NoData", reason: "PodMissing", value: ""},
		"fewer pods than wanted":            {metric: metric, o: of(2, pods("a"), a), outcome: "NoData", reason: "PodMissing", value: "0", says: "there are 1 of 2 canary pods"},
		"no pods at all":                    {metric: metric, o: of(0, nil, a), outcome: "NoData", reason: "PodMissing", value: "", says: "there are 0 of 1 canary pods"},
		"a series of no pod is an error":    {metric: metric, o: of(1, pods("a"), a, series(0, "job", "x")), outcome: "Error", reason: "NoPodLabel", value: "", says: "as in sum by (pod) (…)"},
		"a label of another name":           {metric: other, o: of(1, pods("a"), series(2, "instance", "a")), outcome: "Failed", reason: "AboveMax", value: "2"},
		"the label that a flag names":       {metric: metric, o: Observation{Answer: Answer{Series: []Series{series(2, "instance", "a")}}, PodLabel: "instance", Pods: pods("a")}, outcome: "Failed", reason: "AboveMax", value: "2"},
		"several series of a pod":           {metric: metric, o: of(1, pods("a"), series(0, "pod", "a", "x", "1"), series(3, "pod", "a", "x", "2")), outcome: "Failed", reason: "AboveMax", value: "3"},
		"a pod whose series has ended":      {metric: ranged, o: of(2, pods("a", "b"), over(a, 0, 0), endedBefore(b, 3, 0)), outcome: "NoData", reason: "PodMissing", value: "0"},
		"a list of each pod": {metric: list, o: of(2, pods("a", "b"), series(99, "pod", "a", "code", "200"), series(99, "pod", "a", "code", "500"),
			series(100, "pod", "b", "code", "200")), outcome: "Failed", reason: "OutOfList", value: "0.5", says: `{pod="a"}: 50% are of a bad code (500: 50%)`},
		"a list without traffic on a pod": {metric: list, o: of(2, pods("a", "b"), series(9, "pod", "a", "code", "200"), series(0, "pod", "b", "code", "200")), outcome: "NoData", reason: "PodMissing", value: "0"},
	})
}
