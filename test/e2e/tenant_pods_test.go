package e2e

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// readingMode is the Deployment web, whose pods read the annotation "mode" that their template sets, and "tone",
// which it does not set.
func (s tenancy) readingMode(version, mode string) string {
	return strings.NewReplacer(
		"containers:", "volumes: [{name: podinfo, downwardAPI: {items: [{path: tone, fieldRef: {fieldPath: \"metadata.annotations['tone']\"}}]}}]\n      containers:",
		"image: holdfast.test/app:", "env: [{name: MODE, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['mode']\"}}}]\n        image: holdfast.test/app:",
	).Replace(strings.Replace(s.web(version), "annotations: {", fmt.Sprintf("annotations: {mode: %q, ", mode), 1))
}

// firstPod is a pod of a run.
func (s tenancy) firstPod(run *v1alpha1.CanaryRun) string {
	s.t.Helper()
	var pods corev1.PodList
	awaitSome(s.shop, "a canary pod", &pods, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
	return pods.Items[0].Name
}

// TestATenantCannotChangeWhatACanaryReads: neither an annotation that the template sets nor one that it does not,
// in a variable or a volume. Others are anybody's.
func TestATenantCannotChangeWhatACanaryReads(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	run := s.newestRun(s.joe("apply", "-f", "-", s.readingMode("v2", "strict")))
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	pod := "pod/" + s.firstPod(run)
	const words = "annotations that a pod of a run reads"
	s.wantRefused(words, "annotate", "--overwrite", pod, "mode=lenient")
	s.wantRefused(words, "annotate", pod, "mode-")
	s.wantRefused(words, "annotate", pod, "tone=calm")
	s.joe("annotate", pod, "seen=yes")
	s.joe("annotate", pod, "seen-")
}

// TestATenantCannotScaleWhatWasAdopted: a ReplicaSet with labels of its own, that an object of another kind left
// behind. Its owner's tools write its size by the ReplicaSet itself, until then.
func TestATenantCannotScaleWhatWasAdopted(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	web := s.deployment("web")
	s.joe("create", "configmap", "owner")
	s.joe("create", "-f", "-", s.idle("ReplicaSet", fmt.Sprintf("{name: webx, labels: {app: web}, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: %s, controller: true}]}",
		get(s.shop, "owner", &corev1.ConfigMap{}).UID), "v9"))
	const words = "ReplicaSets are scaled by controllers alone"
	s.wantRefused(words, "scale", "replicaset", "webx", "--replicas=3")
	s.joe("patch", "replicaset", "webx", "--type=merge", "-p", `{"spec":{"minReadySeconds":1,"replicas":0}}`)
	s.joe("delete", "configmap", "owner", "--cascade=orphan")
	await(s.shop, "it is adopted", "webx", &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return metav1.IsControlledBy(rs, web) })
	s.wantRefused(words, "scale", "replicaset", "webx", "--replicas=3")
	s.wantRefused("written by controllers alone", "patch", "replicaset", "webx", "--type=merge", "-p", `{"spec":{"replicas":3}}`)
	if replicas := get(s.shop, "webx", &appsv1.ReplicaSet{}).Spec.Replicas; *replicas != 0 {
		t.Errorf("it has %d replicas", *replicas)
	}
}

// slow is the Deployment web, whose pods go on answering for hours when they are told to end.
func (s tenancy) slow(version string) string {
	return strings.Replace(s.web(version, "--drain=2h"), "containers:", "terminationGracePeriodSeconds: 7200\n      containers:", 1)
}

// wantFewPods wants as many pods of canaries as the one there is may have, and as many that take their time to
// end. The others are told to end at once, as the kubelet then sees to.
func (s tenancy) wantFewPods() {
	s.t.Helper()
	until(s.shop, "one pod runs and one is ending", func() bool {
		var pods corev1.PodList
		if err := world.client.List(s.t.Context(), &pods, client.InNamespace(s.namespace), client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleCanary, "app": "web"}); err != nil {
			s.t.Fatal(err)
		}
		running, ending := 0, 0
		for _, pod := range pods.Items {
			switch grace := pod.DeletionGracePeriodSeconds; {
			case grace == nil:
				running++
			case *grace > 1:
				ending++
			}
		}
		return running == 1 && ending == 1
	})
	s.wantEvents(v1alpha1.EventPodLeft)
}

// TestPodsOfACanaryDoNotPileUp: a tenant deletes each as soon as it is Ready, and each answers for hours.
func TestPodsOfACanaryDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	run := s.newestRun(s.joe("apply", "-f", "-", s.slow("v2")))
	for n := range 3 {
		running := await(s.shop, "another pod is measured", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Phase == v1alpha1.PhaseRunning && len(r.Status.Canary.Pods) == n+1
		})
		s.joe("delete", "pod", running.Status.Canary.Pods[n].Name, "--wait=false")
	}
	s.wantFewPods()
}

// TestPodsOfEarlierRunsDoNotPileUp: the same by one update after another, and a run that is deleted.
func TestPodsOfEarlierRunsDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	var before string
	for _, version := range []string{"v2", "v3", "v4", "v5"} {
		run := s.newestRun(s.joe("apply", "-f", "-", s.slow(version)))
		s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
		if version == "v4" {
			s.joe("delete", "canaryrun", before, "--wait=false")
		}
		before = run.Name
	}
	s.wantFewPods()
}
