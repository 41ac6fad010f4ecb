package rewrite

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/workload"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// parse reads a status written in YAML.
func parse(t *testing.T, text string) workload.Status {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var s workload.Status
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	complete = `
observedGeneration: 7
replicas: 3
updatedReplicas: 3
readyReplicas: 3
availableReplicas: 3
newerField: {a: 1}
conditions:
- {type: Available, status: "True", reason: MinimumReplicasAvailable, lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T10:00:00Z"}
- {type: Progressing, status: "True", reason: NewReplicaSetAvailable, message: ReplicaSet "web-1" has successfully progressed., lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T10:00:00Z"}
`
	hidden = `
observedGeneration: 7
replicas: 3
readyReplicas: 3
availableReplicas: 3
newerField: {a: 1}
conditions:
- {type: Available, status: "True", reason: MinimumReplicasAvailable, lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T10:00:00Z"}
- {type: Progressing, status: "True", reason: NewReplicaSetAvailable, message: ReplicaSet "web-1" has successfully progressed., lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T10:00:00Z"}
`
	underWay = `
observedGeneration: 7
replicas: 4
updatedReplicas: 1
readyReplicas: 3
availableReplicas: 3
unavailableReplicas: 1
conditions:
- {type: Progressing, status: "True", reason: ReplicaSetUpdated, message: ReplicaSet "web-2" is progressing., lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T11:59:00Z"}
`
	rejected = `
observedGeneration: 7
replicas: 3
updatedReplicas: 3
readyReplicas: 3
availableReplicas: 3
newerField: {a: 1}
conditions:
- {type: Available, status: "True", reason: MinimumReplicasAvailable, lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T10:00:00Z"}
- {type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: "canary run web-1 rejected the update: crashed", lastTransitionTime: "2026-03-01T12:00:00Z", lastUpdateTime: "2026-03-01T12:00:00Z"}
`
)

func TestStored(t *testing.T) {
	held := Deployment{Generation: 7, Replicas: 3, State: Held}
	helm3 := Deployment{Generation: 7, Replicas: 3, State: Held, ByGeneration: true}
	failed := Deployment{Generation: 7, Replicas: 3, State: Rejected, Message: "canary run web-1 rejected the update: crashed"}
	for name, c := range map[string]struct {
		old, computed string
		d             Deployment
		want          string
	}{
		"held, a rollout that is complete has updated nothing yet": {
			old: complete, computed: complete, d: held, want: hidden,
		},
		"held, a rollout of the stable template under way is what it is": {
			old: hidden, computed: underWay, d: held, want: underWay,
		},
		"held, more pods than wanted do not read as complete, though all of them are new": {
			old:      `{observedGeneration: 7, replicas: 5, readyReplicas: 5, availableReplicas: 5}`,
			computed: `{observedGeneration: 7, replicas: 4, updatedReplicas: 4, readyReplicas: 4, availableReplicas: 4}`,
			d:        held, want: `{observedGeneration: 7, replicas: 4, readyReplicas: 4, availableReplicas: 4}`,
		},
		"held and scaled to zero, only observedGeneration makes tools wait": {
			old: hidden, computed: `{observedGeneration: 8}`, d: Deployment{Generation: 8, State: Held}, want: `{observedGeneration: 7}`,
		},
		"held, Helm 3 sees a spec that nobody has observed": {
			old: hidden, computed: underWay, d: helm3,
			want: replace(underWay, "observedGeneration: 7", "observedGeneration: 6"),
		},
		"held, what nobody has observed is not said to be": {
			old: hidden, computed: replace(hidden, "observedGeneration: 7", "observedGeneration: 3"), d: helm3,
			want: replace(hidden, "observedGeneration: 7", "observedGeneration: 3"),
		},
		"held, a rejection before it is over, and where pods fell ill their rollout had been complete": {
			old: rejected, computed: replace(rejected, "availableReplicas: 3", "availableReplicas: 2"), d: held,
			want: replace(rejected, "availableReplicas: 3", "availableReplicas: 2",
				`"False", reason: ProgressDeadlineExceeded, message: "canary run web-1 rejected the update: crashed"`,
				`"True", reason: NewReplicaSetAvailable, message: Deployment has successfully progressed.`),
		},
		"held, a generation far ahead is taken back": {
			old: rejected, computed: replace(hidden, "observedGeneration: 7", "observedGeneration: 1000006"), d: held,
			want: replace(hidden, "observedGeneration: 7", "observedGeneration: 6"),
		},
		"rejected, the rollout has failed with the verdict's words": {
			old: hidden, computed: complete, d: failed, want: rejected,
		},
		"rejected, a rollout without a deadline has failed too": {
			old: `{observedGeneration: 6}`, computed: `{observedGeneration: 7}`, d: failed,
			want: `{observedGeneration: 7, conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: "canary run web-1 rejected the update: crashed", lastTransitionTime: "2026-03-01T12:00:00Z", lastUpdateTime: "2026-03-01T12:00:00Z"}]}`,
		},
		"rejected, another rejection changes the words and when they changed, not since when it fails": {
			old: replace(rejected, "web-1 rejected", "web-0 rejected", "12:00:00Z", "11:00:00Z"), computed: complete, d: failed,
			want: replace(rejected, `lastTransitionTime: "2026-03-01T12:00:00Z"`, `lastTransitionTime: "2026-03-01T11:00:00Z"`),
		},
		"rejected, Helm 3 sees generations that differ, and others one that is not behind": {
			old: complete, computed: complete, d: Deployment{Generation: 7, Replicas: 3, State: Rejected, ByGeneration: true, Message: failed.Message},
			want: replace(rejected, "observedGeneration: 7", "observedGeneration: 1000007"),
		},
		"rejected, Helm 3, a spec that nobody has observed is not said to be": {
			old: complete, computed: complete, d: Deployment{Generation: 8, Replicas: 3, State: Rejected, ByGeneration: true, Message: failed.Message},
			want: rejected,
		},
		"neither, the status is the controller's": {
			old: hidden, computed: complete, d: Deployment{Generation: 7, Replicas: 3, State: Own}, want: complete,
		},
		"neither, a rejection that is over is taken out": {
			old: rejected, computed: replace(rejected, "updatedReplicas: 3", "updatedReplicas: 1"), d: Deployment{Generation: 7, Replicas: 3, State: Own},
			want: replace(rejected, "updatedReplicas: 3", "updatedReplicas: 1",
				`"False", reason: ProgressDeadlineExceeded, message: "canary run web-1 rejected the update: crashed"`,
				`"True", reason: ReplicaSetUpdated, message: Deployment is progressing.`),
		},
		"neither, a generation far ahead is taken back": {
			old: rejected, computed: `{observedGeneration: 1000006}`, d: Deployment{Generation: 7, Replicas: 3, State: Own},
			want: `{observedGeneration: 6}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, computed := parse(t, c.old), parse(t, c.computed)
			got := Stored(old, computed, c.d, noon)
			if diff := cmp.Diff(parse(t, c.want), got); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(parse(t, c.computed), computed); diff != "" {
				t.Errorf("the computed status was changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestARepeatedWriteChangesNothing: or the deployment controller would write for
// ever. Each state is what one write has left; the controller then computes the
// same again, with new times, and may move a condition.
func TestARepeatedWriteChangesNothing(t *testing.T) {
	later := noon.Add(time.Hour)
	moved := `
observedGeneration: 7
replicas: 3
updatedReplicas: 3
readyReplicas: 3
availableReplicas: 3
newerField: {a: 1}
conditions:
- {type: Progressing, status: "True", reason: NewReplicaSetAvailable, message: ReplicaSet "web-1" has successfully progressed., lastTransitionTime: "2026-03-01T13:00:00Z", lastUpdateTime: "2026-03-01T13:00:00Z"}
- {type: Available, status: "True", reason: MinimumReplicasAvailable, lastTransitionTime: "2026-03-01T10:00:00Z", lastUpdateTime: "2026-03-01T10:00:00Z"}
`
	for name, d := range map[string]Deployment{
		"held":               {State: Held},
		"held, Helm 3":       {State: Held, ByGeneration: true},
		"rejected":           {State: Rejected, Message: "canary run web-1 rejected the update: crashed"},
		"rejected, Helm 3":   {State: Rejected, Message: "canary run web-1 rejected the update: crashed", ByGeneration: true},
		"an own rollout too": {State: Own},
	} {
		t.Run(name, func(t *testing.T) {
			d.Generation, d.Replicas = 7, 3
			first := Stored(parse(t, underWay), parse(t, complete), d, noon)
			again := Stored(first, parse(t, moved), d, later)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("the second write changes (-first +second):\n%s", diff)
			}
		})
	}
}

// replace replaces pairs of texts in turn.
func replace(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
