package workload

import (
	"encoding/json"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/hold"
)

func deploymentOf(t *testing.T, text string) Deployment {
	t.Helper()
	var d Deployment
	if err := utiljson.Unmarshal([]byte(text), &d.Object); err != nil {
		t.Fatal(err)
	}
	return d
}

func replicaSetOf(t *testing.T, text string) ReplicaSet {
	t.Helper()
	var rs ReplicaSet
	if err := json.Unmarshal([]byte(text), &rs); err != nil {
		t.Fatal(err)
	}
	return rs
}

// TestWhatIsMissingOrOfAnotherTypeHasItsDefault: the webhook is sent anything.
func TestWhatIsMissingOrOfAnotherTypeHasItsDefault(t *testing.T) {
	for _, text := range []string{
		`null`, `{}`, `{"metadata":{},"spec":{},"status":{}}`, `{"metadata":[],"spec":1,"status":"x"}`,
		`{"metadata":{"annotations":[1],"deletionTimestamp":1},"spec":{"replicas":"3","template":[],"paused":1},"status":{"replicas":"x"}}`,
	} {
		d := deploymentOf(t, text)
		if d.Replicas() != 1 || d.Template() != nil || d.Annotation("a") != "" || d.Paused() || d.Deleting() || d.Revision() != 0 || d.Status().Count(Replicas) != 0 {
			t.Errorf("%s: got replicas %d, template %v", text, d.Replicas(), d.Template())
		}
		if selector, _ := d.Selector(); selector != nil {
			t.Errorf("%s: a Deployment without a selector selects %v", text, selector)
		}
	}
}

func TestARevisionThatIsNoNumberIsZero(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "7": 7, "x": 0, "9223372036854775807": 9223372036854775807, "9223372036854775808": 0} {
		if got := revision(text); got != want {
			t.Errorf("revision %q is %d, want %d", text, got, want)
		}
	}
}

func TestARolloutIsCompleteWhenAllPodsAreUpdatedAndAvailable(t *testing.T) {
	for sentence, c := range map[string]struct {
		status   Status
		wanted   int64
		complete bool
	}{
		"all are":                       {Status{Replicas: int64(3), UpdatedReplicas: int64(3), AvailableReplicas: int64(3)}, 3, true},
		"there are too few":             {Status{Replicas: int64(2), UpdatedReplicas: int64(2), AvailableReplicas: int64(2)}, 3, false},
		"old ones still run":            {Status{Replicas: int64(4), UpdatedReplicas: int64(3), AvailableReplicas: int64(4)}, 3, false},
		"one is not available":          {Status{Replicas: int64(3), UpdatedReplicas: int64(3), AvailableReplicas: int64(2)}, 3, false},
		"none is wanted, none is there": {Status{}, 0, true},
		"nothing is known yet":          {nil, 1, false},
	} {
		if got := c.status.Complete(c.wanted); got != c.complete {
			t.Errorf("%s: complete is %t, want %t", sentence, got, c.complete)
		}
	}
}

func TestAReplicaSetIsMadeForTheDeploymentWhoseNameItBearsAndThatControlsIt(t *testing.T) {
	d := deploymentOf(t, `{"metadata":{"name":"web","uid":"u"}}`)
	const owned = `"ownerReferences":[{"uid":"x"},{"uid":"u","controller":true}]`
	for sentence, c := range map[string]struct {
		text string
		made bool
	}{
		"made for it":                 {`{"metadata":{"name":"web-1","labels":{"pod-template-hash":"1"},` + owned + `}}`, true},
		"of another name":             {`{"metadata":{"name":"api-1","labels":{"pod-template-hash":"1"},` + owned + `}}`, false},
		"without the label":           {`{"metadata":{"name":"web-1",` + owned + `}}`, false},
		"owned, but not controlled":   {`{"metadata":{"name":"web-1","labels":{"pod-template-hash":"1"},"ownerReferences":[{"uid":"u"}]}}`, false},
		"controlled by a namesake":    {`{"metadata":{"name":"web-1","labels":{"pod-template-hash":"1"},"ownerReferences":[{"uid":"v","controller":true}]}}`, false},
		"left behind, with no owners": {`{"metadata":{"name":"web-1","labels":{"pod-template-hash":"1"}}}`, false},
	} {
		if got := replicaSetOf(t, c.text).MadeFor(d); got != c.made {
			t.Errorf("%s: made is %t, want %t", sentence, got, c.made)
		}
	}
}

func TestATemplateHashesAsItsDeploymentHasIt(t *testing.T) {
	const spec = `"spec":{"replicas":2,"containers":[]}`
	d := deploymentOf(t, `{"spec":{"template":{"metadata":{"labels":{"app":"web"}},`+spec+`}}}`)
	want, err := hold.HashOf(d.Template())
	if err != nil {
		t.Fatal(err)
	}
	got, err := replicaSetOf(t, `{"spec":{"template":{"metadata":{"labels":{"app":"web","pod-template-hash":"1"}},`+spec+`}}}`).Hash()
	if err != nil || got != want {
		t.Errorf("hash is %q (%v), want %q", got, err, want)
	}
}

func TestTheConditionOfARejectionIsHoldfasts(t *testing.T) {
	d := deploymentOf(t, `{"status":{"conditions":[{"type":"Available"},{"type":"Progressing","reason":"ProgressDeadlineExceeded","message":"canary run web-1 rejected the update: crashed"}]}}`)
	if s := d.Status(); !s.TellsOfRejection() || s.ProgressReason() != ReasonDeadlineExceeded {
		t.Errorf("got %v", s)
	}
	if (Status{}).TellsOfRejection() || Status(nil).ProgressReason() != "" {
		t.Error("a status without conditions tells of something")
	}
}

func TestStrategies(t *testing.T) {
	for text, want := range map[string]struct{ recreates, neverSurges bool }{
		`{}`:                               {},
		`{"strategy":"Recreate"}`:          {},
		`{"type":"Recreate"}`:              {recreates: true},
		`{"type":"RollingUpdate"}`:         {},
		`{"rollingUpdate":{"maxSurge":0}}`: {neverSurges: true},
		`{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}`: {},
		`{"rollingUpdate":{"maxSurge":"0%"}}`:                     {neverSurges: true},
		`{"rollingUpdate":{"maxSurge":"25%"}}`:                    {},
		`{"type":"Recreate","rollingUpdate":{"maxSurge":0}}`:      {recreates: true},
		`{"rollingUpdate":{"maxUnavailable":1}}`:                  {},
	} {
		d := deploymentOf(t, `{"spec":{"strategy":`+text+`}}`)
		if d.Recreates() != want.recreates || d.NeverSurges() != want.neverSurges {
			t.Errorf("%s: recreates %v, never surges %v", text, d.Recreates(), d.NeverSurges())
		}
	}
}
