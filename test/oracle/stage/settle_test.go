package stage

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const rolledOut = `
metadata: {name: web, uid: d, annotations: {deployment.kubernetes.io/revision: "2"}}
spec: {replicas: 1, revisionHistoryLimit: 1, template: {metadata: {labels: {app: web}}, spec: {hostname: two}}}
status: {readyReplicas: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1}
`

func set(name, revision, hostname, replicas string) string {
	return `
metadata: {name: ` + name + `, annotations: {deployment.kubernetes.io/revision: "` + revision + `"}, ownerReferences: [{uid: d, controller: true}]}
spec: {replicas: ` + replicas + `, template: {metadata: {labels: {app: web, pod-template-hash: x}}, spec: {hostname: ` + hostname + `}}}
status: {replicas: ` + replicas + `, availableReplicas: ` + replicas + `}
`
}

// failed is what Holdfast makes of the status after a revert.
var failed = strings.NewReplacer(
	"annotations: {", "annotations: {holdfast.dev/failed: x, ",
	"status: {", "status: {conditions: [{type: Progressing, reason: ProgressDeadlineExceeded}], ",
).Replace(rolledOut)

func holding(deployment string) string {
	return strings.NewReplacer("annotations: {", "annotations: {holdfast.dev/held: x, ", "updatedReplicas: 1, ", "").Replace(deployment)
}

func ofHelm(deployment, metadata string) string {
	return strings.NewReplacer("annotations: {", "annotations: {meta.helm.sh/release-name: web, ", "uid: d,", "uid: d, "+metadata).Replace(deployment)
}

func TestUnsettled(t *testing.T) {
	one, two, other := set("web-1", "1", "one", "0"), set("web-2", "2", "two", "1"), strings.Replace(set("web-3", "9", "nine", "5"), "uid: d", "uid: e", 1)
	for name, tc := range map[string]struct {
		deployment string
		sets       []string
		want       string
	}{
		"rolled out":                           {rolledOut, []string{two, one, other}, ""},
		"there is no Deployment":               {"", []string{two}, ""},
		"the newest template has no pods":      {rolledOut, []string{set("web-2", "2", "two", "0"), set("web-1", "1", "one", "1")}, "the newest ReplicaSet has not all the replicas"},
		"the template is newer":                {strings.Replace(rolledOut, "hostname: two", "hostname: three", 1), []string{one, two}, "the newest ReplicaSet has another template"},
		"the revision is not counted":          {strings.Replace(rolledOut, `"2"`, `"1"`, 1), []string{one, two}, "its revision is not that of the newest ReplicaSet"},
		"it was scaled":                        {strings.Replace(rolledOut, "replicas: 1", "replicas: 2", 1), []string{one, two}, "its ReplicaSets have 1 replicas, want 2"},
		"a pod is not available":               {rolledOut, []string{one, strings.Replace(two, "availableReplicas: 1", "availableReplicas: 0", 1)}, "0 pods are available, want 1"},
		"a pod is to go":                       {rolledOut, []string{strings.Replace(one, "status: {replicas: 0", "status: {replicas: 1", 1), two}, "ReplicaSet web-1 has not the pods it should have"},
		"the status does not know":             {strings.Replace(rolledOut, "readyReplicas: 1", "readyReplicas: 0", 1), []string{one, two}, "its status counts 0 ready pods, want 1"},
		"the status is of before":              {strings.Replace(rolledOut, "uid: d,", "uid: d, generation: 2,", 1), []string{one, two}, "its status is of an earlier generation"},
		"the status knows of no update":        {strings.Replace(rolledOut, "updatedReplicas: 1", "updatedReplicas: 0", 1), []string{one, two}, "its status counts 0 updatedReplicas, want 1"},
		"the rollout is not noted as done":     {strings.Replace(rolledOut, "status: {", "status: {conditions: [{type: Progressing, reason: ReplicaSetUpdated}], ", 1), []string{one, two}, "its status says ReplicaSetUpdated"},
		"old revisions are to go":              {rolledOut, []string{set("web-0", "0", "zero", "0"), one, two}, "more revisions are kept than should be"},
		"old revisions stay while one is held": {holding(rolledOut), []string{set("web-0", "0", "zero", "0"), one, two}, ""},
		"held, the status is as before":        {strings.Replace(rolledOut, "annotations: {", "annotations: {holdfast.dev/held: x, ", 1), []string{one, two}, "its status counts 1 updatedReplicas, want 0"},
		"held, the hold is not observed":       {strings.Replace(holding(rolledOut), "uid: d,", "uid: d, generation: 1,", 1), []string{one, two}, "its status is of an earlier generation"},
		"held by Helm 3, nothing is observed":  {ofHelm(holding(rolledOut), "generation: 1,"), []string{one, two}, ""},
		"rejected, the status says nothing":    {strings.Replace(failed, "ProgressDeadlineExceeded", "NewReplicaSetAvailable", 1), []string{one, two}, "its status says NewReplicaSetAvailable"},
		"rejected, the status says so":         {failed, []string{one, two}, ""},
		"rejected of Helm 3, not far ahead":    {ofHelm(failed, ""), []string{one, two}, "its status is of an earlier generation"},
		"rejected of Helm 3, far ahead":        {ofHelm(strings.Replace(failed, "status: {", "status: {observedGeneration: 1000000, ", 1), ""), []string{one, two}, ""},
		"paused, and not noted":                {strings.Replace(strings.Replace(rolledOut, "spec: {", "spec: {paused: true, ", 1), "status: {", "status: {conditions: [{type: Progressing, reason: NewReplicaSetAvailable}], ", 1), []string{one, two}, "its status says NewReplicaSetAvailable"},
		"paused, the template may be newer":    {strings.Replace(strings.Replace(rolledOut, "hostname: two", "hostname: three", 1), "spec: {", "spec: {paused: true, ", 1), []string{one, two}, ""},
		"nothing was made yet":                 {strings.Replace(rolledOut, "replicas: 1", "replicas: 0", 1), nil, "its status counts 1 ready pods, want 0"},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{}
			if tc.deployment != "" {
				v.deployment = parsed(t, tc.deployment)
			}
			for _, text := range tc.sets {
				v.replicaSets = append(v.replicaSets, parsed(t, text))
			}
			if got := unsettled(v); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte("apiVersion: apps/v1\nkind: Any\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return o
}
