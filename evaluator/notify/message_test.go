package notify

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/hold"
)

func TestAnAlertNamesWhatItIsAbout(t *testing.T) {
	a := Alertmanager{Labels: map[string]string{"team": "shop", "severity": "page"}}
	a.Lasts.Duration = 15 * time.Minute
	body, err := a.alertBody(sample)
	if err != nil {
		t.Fatal(err)
	}
	var alerts []alert
	if err := json.Unmarshal(body, &alerts); err != nil || len(alerts) != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	got := alerts[0]
	for label, want := range map[string]string{
		"alertname": "HoldfastReverted", "severity": "warning", "namespace": "shop", "deployment": "web", "run": "web-5f6d7c8b9", "team": "shop", "cluster": "production",
	} {
		if got.Labels[label] != want {
			t.Errorf("label %s is %q, want %q", label, got.Labels[label], want)
		}
	}
	if got.EndsAt.Sub(got.StartsAt) != 15*time.Minute || !got.StartsAt.Equal(sample.Time) {
		t.Errorf("it fires from %s to %s", got.StartsAt, got.EndsAt)
	}
}

func TestWhatHasNoRun(t *testing.T) {
	d := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": "shop", "name": "web", "uid": "d", "generation": int64(3)}}}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	m := messageOf(tell.About{Deployment: objects.Deployment{Unstructured: d}}, tell.Ungated(hold.Hash("abcdef0123456789"), "", false), now)
	if m.ID != "d/UngatedUpdate/3" || m.Severity != severityWarning || !m.Time.Equal(now) || m.Namespace != "shop" || m.Deployment != "web" || m.Run != "" {
		t.Errorf("got %+v", m)
	}
}
