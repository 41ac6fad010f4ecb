package analysis

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestAlerts(t *testing.T) {
	metric := v1alpha1.Metric{Alerts: &v1alpha1.AlertWatch{}}
	firing := func(name string) Series {
		s := series(1, "alertname", name, "pod", "a")
		s.Labels = "ALERTS" + s.Labels
		return s
	}
	check(t, map[string]judged{
		"none fires":       {metric: metric, o: Observation{}, outcome: "Passed", reason: "NoAlert", value: "0", rule: "no alert fires"},
		"one fires":        {metric: metric, o: Observation{Answer: Answer{Series: []Series{firing("High")}}}, outcome: "Failed", reason: "AlertFiring", value: "1", says: `1 alert fires: High {alertname="High", pod="a"}`},
		"two fire":         {metric: metric, o: Observation{Answer: Answer{Series: []Series{firing("Low"), firing("High")}}}, outcome: "Failed", reason: "AlertFiring", value: "2", says: "2 alerts fire: High "},
		"answered in part": {metric: metric, o: Observation{Answer: Answer{Warnings: []string{"a store is down"}}}, outcome: "Error", reason: "PartialData", says: "a store is down"},
		"not answered":     {metric: metric, o: Observation{Answer: Answer{Error: "down"}}, outcome: "Error", reason: "Error", says: "down"},
	})
}
