package tampering

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// readingMode is the Deployment web, whose pods read the annotation "mode" that their template sets, and
// "tone", which it does not set.
func readingMode(s shop.Tenancy, version, mode string) string {
	return strings.NewReplacer(
		"containers:", "volumes: [{name: podinfo, downwardAPI: {items: [{path: tone, fieldRef: {fieldPath: \"metadata.annotations['tone']\"}}]}}]\n      containers:",
		"image: holdfast.test/app:", "env: [{name: MODE, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['mode']\"}}}]\n        image: holdfast.test/app:",
	).Replace(strings.Replace(s.Web(version), "annotations: {", fmt.Sprintf("annotations: {mode: %q, ", mode), 1))
}

// firstPod is a pod of a run.
func firstPod(s shop.Tenancy, run *v1alpha1.CanaryRun) string {
	s.T.Helper()
	var pods corev1.PodList
	shop.AwaitSome(s.Shop, "a canary pod", &pods, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
	return pods.Items[0].Name
}

// TestATenantCannotChangeWhatACanaryReads: neither an annotation that the template sets nor one that it does
// not, in a variable or a volume. Others are anybody's.
func TestATenantCannotChangeWhatACanaryReads(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	run := s.NewestRun(s.Joe("apply", "-f", "-", readingMode(s, "v2", "strict")))
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	pod := "pod/" + firstPod(s, run)
	const words = "annotations that a pod of a run reads"
	s.WantRefused(words, "annotate", "--overwrite", pod, "mode=lenient")
	s.WantRefused(words, "annotate", pod, "mode-")
	s.WantRefused(words, "annotate", pod, "tone=calm")
	s.Joe("annotate", pod, "seen=yes")
	s.Joe("annotate", pod, "seen-")
}

// TestATenantCannotScaleWhatWasAdopted: a ReplicaSet with labels of its own, that an object of another kind
// left behind. Its owner's tools write its size by the ReplicaSet itself, until then.
func TestATenantCannotScaleWhatWasAdopted(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	web := s.Deployment("web")
	s.Joe("create", "configmap", "owner")
	s.Joe("create", "-f", "-", s.Idle("ReplicaSet", fmt.Sprintf("{name: webx, labels: {app: web}, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: %s, controller: true}]}",
		shop.Get(s.Shop, "owner", &corev1.ConfigMap{}).UID), "v9"))
	const words = "ReplicaSets are scaled by controllers alone"
	s.WantRefused(words, "scale", "replicaset", "webx", "--replicas=3")
	s.Joe("patch", "replicaset", "webx", "--type=merge", "-p", `{"spec":{"minReadySeconds":1,"replicas":0}}`)
	s.Joe("delete", "configmap", "owner", "--cascade=orphan")
	shop.Await(s.Shop, "it is adopted", "webx", &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return metav1.IsControlledBy(rs, web) })
	s.WantRefused(words, "scale", "replicaset", "webx", "--replicas=3")
	s.WantRefused("written by controllers alone", "patch", "replicaset", "webx", "--type=merge", "-p", `{"spec":{"replicas":3}}`)
	if replicas := shop.Get(s.Shop, "webx", &appsv1.ReplicaSet{}).Spec.Replicas; *replicas != 0 {
		t.Errorf("it has %d replicas", *replicas)
	}
}

// slow is the Deployment web, whose pods go on answering for hours when they are told to end.
func slow(s shop.Tenancy, version string) string {
	return strings.Replace(s.Web(version, "--drain=2h"), "containers:", "terminationGracePeriodSeconds: 7200\n      containers:", 1)
}

// wantFewPods wants as many pods of canaries as the one there is may have, and as many that take their time
// to end. The others are told to end at once, as the kubelet then sees to.
func wantFewPods(s shop.Tenancy) {
	s.T.Helper()
	shop.Until(s.Shop, "one pod runs and one is ending", func() bool {
		var pods corev1.PodList
		if err := shop.World.Client.List(s.T.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleCanary, "app": "web"}); err != nil {
			s.T.Fatal(err)
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
	s.WantEvents(v1alpha1.EventPodLeft)
}

// TestPodsOfACanaryDoNotPileUp: a tenant deletes each as soon as it is Ready, and each answers for hours.
func TestPodsOfACanaryDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	run := s.NewestRun(s.Joe("apply", "-f", "-", slow(s, "v2")))
	for n := range 3 {
		running := shop.Await(s.Shop, "another pod is measured", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Phase == v1alpha1.PhaseRunning && len(r.Status.Canary.Pods) == n+1
		})
		s.Joe("delete", "pod", running.Status.Canary.Pods[n].Name, "--wait=false")
	}
	wantFewPods(s)
}

// TestPodsOfEarlierRunsDoNotPileUp: the same by one update after another, and a run that is deleted.
func TestPodsOfEarlierRunsDoNotPileUp(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	var before string
	for _, version := range []string{"v2", "v3", "v4", "v5"} {
		run := s.NewestRun(s.Joe("apply", "-f", "-", slow(s, version)))
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		if version == "v4" {
			s.Joe("delete", "canaryrun", before, "--wait=false")
		}
		before = run.Name
	}
	wantFewPods(s)
}
