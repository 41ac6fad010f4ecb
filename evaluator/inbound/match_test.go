package inbound

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

func TestWhomAnAlertFails(t *testing.T) {
	onPod := map[string]string{"alertname": "HighErrors", "namespace": "shop", "pod": "web-abc-1", "severity": "critical"}
	critical := v1alpha1.AlertWatch{About: v1alpha1.AlertsAboutPods, Matchers: []string{`severity="critical"`}}
	warning := v1alpha1.AlertWatch{Matchers: []string{`severity="warning"`}}
	checkout := v1alpha1.AlertWatch{About: v1alpha1.AlertsAboutAny, Matchers: []string{`alertname=~"Checkout.*"`, `severity!="info"`}}
	for name, tc := range map[string]struct {
		labels  map[string]string
		by      query.Labels
		watches []v1alpha1.AlertWatch
		fails   bool
	}{
		"it names a canary pod":                            {onPod, query.Labels{}, nil, true},
		"it names another pod":                             {map[string]string{"namespace": "shop", "pod": "web-xyz-1"}, query.Labels{}, nil, false},
		"a pod of that name in another namespace":          {map[string]string{"namespace": "pay", "pod": "web-abc-1"}, query.Labels{}, nil, false},
		"a pod of that name in no namespace":               {map[string]string{"pod": "web-abc-1"}, query.Labels{}, nil, false},
		"no labels at all":                                 {nil, query.Labels{}, nil, false},
		"the endpoint names pods otherwise":                {map[string]string{"ns": "shop", "k8s_pod": "web-abc-1"}, query.Labels{Namespace: "ns", Pod: "k8s_pod"}, nil, true},
		"the plan wants such":                              {onPod, query.Labels{}, []v1alpha1.AlertWatch{critical}, true},
		"the plan wants others":                            {onPod, query.Labels{}, []v1alpha1.AlertWatch{warning}, false},
		"one of two will do":                               {onPod, query.Labels{}, []v1alpha1.AlertWatch{warning, critical}, true},
		"a criterion on any alert, of the cluster":         {map[string]string{"alertname": "CheckoutSlow"}, query.Labels{}, []v1alpha1.AlertWatch{checkout}, true},
		"a criterion on any alert, of the namespace":       {map[string]string{"alertname": "CheckoutSlow", "namespace": "shop"}, query.Labels{}, []v1alpha1.AlertWatch{checkout}, true},
		"a criterion on any alert, of another namespace":   {map[string]string{"alertname": "CheckoutSlow", "namespace": "pay"}, query.Labels{}, []v1alpha1.AlertWatch{checkout}, false},
		"a criterion with another severity":                {map[string]string{"alertname": "CheckoutSlow", "severity": "info"}, query.Labels{}, []v1alpha1.AlertWatch{checkout}, false},
		"a criterion on any alert leaves those of pods be": {onPod, query.Labels{}, []v1alpha1.AlertWatch{checkout}, true},
	} {
		t.Run(name, func(t *testing.T) {
			run := &v1alpha1.CanaryRun{}
			run.Namespace = "shop"
			run.Status.Canary = &v1alpha1.OwnSet{Pods: []v1alpha1.OwnPod{{Name: "web-abc-1"}, {Name: "web-abc-2"}}}
			var metrics []v1alpha1.Metric
			for i := range tc.watches {
				metrics = append(metrics, v1alpha1.Metric{Alerts: &tc.watches[i]}, v1alpha1.Metric{Query: "up"})
			}
			if got := watch(run, metrics, tc.by).fails(alert{Status: "firing", Labels: tc.labels}); got != tc.fails {
				t.Errorf("it fails the canary: %t, want %t", got, tc.fails)
			}
		})
	}
}

// Two versions of Alertmanager's payload, one with fields that only newer ones send.
func TestAGroupIsReadAsFarAsItIsKnown(t *testing.T) {
	for name, text := range map[string]string{
		"as it is": `{"version":"4","groupKey":"{}","truncatedAlerts":0,"status":"firing","receiver":"r","groupLabels":{},"alerts":[
			{"status":"firing","labels":{"alertname":"A"},"annotations":{},"startsAt":"2026-03-01T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"f"},
			{"status":"resolved","labels":{"alertname":"B"}}]}`,
		"with fields of tomorrow": `{"notification_reason":"new","routeLabels":{"team":"shop"},"alerts":[
			{"status":"firing","labels":{"alertname":"A"},"silencedBy":[]},{"status":"resolved","labels":{"alertname":"B"}},{"status":"suppressed"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			g, err := parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if firing := g.firing(); len(firing) != 1 || firing[0].name() != "A" {
				t.Errorf("%+v fire", firing)
			}
		})
	}
	for _, text := range []string{``, `null`, `{}`, `[]`, `{"alerts":{}}`, `{"alerts":null}`, `{"alerts":[1]}`, `{"alerts":[{"startsAt":"yesterday"}]}`} {
		if g, err := parse([]byte(text)); err == nil {
			t.Errorf("%s is taken for %+v", text, g)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"alerts":[{"status":"firing","labels":{"namespace":"shop","pod":"web-abc-1"},"annotations":{"summary":"s"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := parse(data)
		if err != nil {
			return
		}
		run := &v1alpha1.CanaryRun{}
		run.Namespace, run.Status.Canary = "shop", &v1alpha1.OwnSet{Pods: []v1alpha1.OwnPod{{Name: "web-abc-1"}}}
		w := watch(run, []v1alpha1.Metric{{Alerts: &v1alpha1.AlertWatch{About: v1alpha1.AlertsAboutAny, Matchers: []string{`a=~"b.*"`}}}}, query.Labels{})
		for _, a := range g.firing() {
			if w.fails(a) && a.Labels["namespace"] != "shop" && a.Labels["a"] == "" {
				t.Errorf("%+v fails the canary", a)
			}
			if text := a.text(); len(text) > maxText+10 {
				t.Errorf("the text of an alert has %d bytes", len(text))
			}
		}
	})
}
