package tampering

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// openToEditor is a shop that no policy guards, in which joe is bound to edit.
func openToEditor(t *testing.T, o shop.Settings) shop.Tenancy {
	t.Helper()
	s := shop.Tenancy{Shop: shop.Open(t, o)}
	s.Must("create", "rolebinding", "joe", "--clusterrole=edit", "--user=joe")
	s.AwaitCan("joe", "create", "replicationcontrollers")
	return s
}

// awaitSet waits for the ReplicaSet of a run's canary.
func awaitSet(s shop.Tenancy, run *v1alpha1.CanaryRun) {
	s.T.Helper()
	shop.Await(s.Shop, "the canary's ReplicaSet is there", run.Name, &appsv1.ReplicaSet{}, func(*appsv1.ReplicaSet) bool { return true })
}

// goodTemplate is a pod template of the stable image with the labels of a run, by which
// the run's ReplicaSet adopts what is left of it.
func goodTemplate(run *v1alpha1.CanaryRun) string {
	return fmt.Sprintf(`{metadata: {labels: {app: web, %s: %s, %s: canary}}, spec: {%%s containers: [{name: app, image: "holdfast.test/app:v1",
      readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}}]}}`, v1alpha1.RunLabel, run.Name, v1alpha1.RoleLabel)
}

// orphan makes something that makes a pod of a run's labels, and leaves that behind.
func orphan(s shop.Tenancy, run *v1alpha1.CanaryRun, apiVersion, kind, name, spec string) {
	s.T.Helper()
	labels := fmt.Sprintf("{%s: %s, %s: canary}", v1alpha1.RunLabel, run.Name, v1alpha1.RoleLabel)
	restart := ""
	if kind == "Job" {
		restart = "restartPolicy: OnFailure,"
	}
	s.Joe("create", "-f", "-", fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s}\nspec:\n  template: %s\n  %s\n", apiVersion, kind, name,
		fmt.Sprintf(goodTemplate(run), restart), strings.ReplaceAll(spec, "LABELS", labels)))
	var object client.Object
	switch kind {
	case "ReplicationController":
		object = &corev1.ReplicationController{}
	case "StatefulSet":
		object = &appsv1.StatefulSet{}
	case "ReplicaSet":
		object = &appsv1.ReplicaSet{}
	case "Job":
		object = &batchv1.Job{}
	}
	shop.Await(s.Shop, kind+" has a pod that is Ready", name, object, func(o client.Object) bool {
		switch o := o.(type) {
		case *corev1.ReplicationController:
			return o.Status.ReadyReplicas == 1
		case *appsv1.StatefulSet:
			return o.Status.ReadyReplicas == 1
		case *appsv1.ReplicaSet:
			return o.Status.ReadyReplicas == 1
		case *batchv1.Job:
			return o.Status.Ready != nil && *o.Status.Ready == 1
		}
		return false
	})
	s.Joe("delete", strings.ToLower(kind), name, "--cascade=orphan")
}

// TestAPodThatIsAdoptedIsNeverTheCanary: the canary never gets Ready, and good pods
// that others leave behind with the run's labels are adopted in its place. They are
// deleted and told of; the update is not released.
func TestAPodThatIsAdoptedIsNeverTheCanary(t *testing.T) {
	t.Parallel()
	for kind, of := range map[string]struct{ apiVersion, spec string }{
		"ReplicationController": {"v1", "replicas: 1"},
		"StatefulSet":           {"apps/v1", "serviceName: web\n  selector: {matchLabels: LABELS}"},
		"ReplicaSet":            {"apps/v1", "selector: {matchLabels: LABELS}"},
		"Job":                   {"batch/v1", "completions: 1"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := openToEditor(t, shop.Settings{NoLoad: true, Plan: shop.HealthPlan, Replicas: 1})
			run := s.HoldV2("--never-ready")
			awaitSet(s, run)
			orphan(s, run, of.apiVersion, kind, "good", of.spec)
			s.WantEvents(v1alpha1.EventPodPutOut)
			s.WantReverted(run.Name, v1alpha1.ReasonNotReady)
		})
	}
}

// wantTampered waits until a run is without a verdict for what others did.
func wantTampered(s shop.Tenancy, run *v1alpha1.CanaryRun, words string) {
	s.T.Helper()
	paused := s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	if paused.Status.Reason != v1alpha1.ReasonTampered || paused.Status.Verdict != v1alpha1.VerdictInconclusive || !strings.Contains(paused.Status.Message, words) {
		s.T.Errorf("run %s is %s, %s: %s; want %q", run.Name, paused.Status.Verdict, paused.Status.Reason, paused.Status.Message, words)
	}
	s.WantImage("v1")
	s.WantEvents("Inconclusive")
}

// TestAPodThatIsChangedIsNoVerdict, nor one that looks in all but its spec like what
// the ReplicaSet makes, nor a ReplicaSet whose template is changed.
func TestAPodThatIsChangedIsNoVerdict(t *testing.T) {
	t.Parallel()
	t.Run("adopted from one of the same name", func(t *testing.T) {
		t.Parallel()
		s := openToEditor(t, shop.Settings{NoLoad: true, Plan: shop.HealthPlan, Replicas: 1})
		run := s.HoldV2("--never-ready")
		awaitSet(s, run)
		orphan(s, run, "v1", "ReplicationController", run.Name, "replicas: 1")
		wantTampered(s, run, "was made or changed by others")
	})
	lasting := strings.Replace(shop.HealthPlan, "period: 8s", "period: 10m", 1) // nothing passes before it is changed
	t.Run("image", func(t *testing.T) {
		t.Parallel()
		s := openToEditor(t, shop.Settings{NoLoad: true, Plan: lasting, Replicas: 1})
		run := s.HoldV2()
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		var pods corev1.PodList
		shop.AwaitSome(s.Shop, "a canary pod", &pods, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
		s.Joe("set", "image", "pod/"+pods.Items[0].Name, "app=holdfast.test/app:v1")
		wantTampered(s, run, `spec.containers[app].image is "holdfast.test/app:v1", the template says "holdfast.test/app:v2"`)
	})
	t.Run("annotation that it reads", func(t *testing.T) {
		t.Parallel()
		s := openToEditor(t, shop.Settings{NoLoad: true, Plan: lasting, Replicas: 1})
		run := s.NewestRun(s.Must("apply", "-f", "-", readingMode(s, "v2", "strict")))
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		s.Joe("annotate", "--overwrite", "pod", firstPod(s, run), "mode=lenient")
		wantTampered(s, run, "metadata.annotations[mode] is not what the template says")
	})
	t.Run("template of the ReplicaSet", func(t *testing.T) {
		t.Parallel()
		s := openToEditor(t, shop.Settings{NoLoad: true, Plan: lasting, Replicas: 1})
		run := s.HoldV2()
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		s.Joe("set", "image", "replicaset/"+run.Name, "app=holdfast.test/app:v1")
		wantTampered(s, run, "the template of ReplicaSet "+run.Name+" was changed")
	})
}

// TestPodsThatAreTakenAwayPassNothing: a canary that crashes is deleted, and evicted, before it does. Nothing
// is released for that, and it crashes when it is let alone.
func TestPodsThatAreTakenAwayPassNothing(t *testing.T) {
	t.Parallel()
	plan := strings.NewReplacer("restartLimit: 9", "restartLimit: 0", "period: 8s", "period: 70s").Replace(shop.HealthPlan)
	s := openToEditor(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
	run := s.HoldV2("--crash-after=45s")
	for i, takeAway := range []func(pod string){
		func(pod string) { s.Joe("delete", "pod", pod, "--wait=false") },
		func(pod string) {
			s.Joe("create", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/eviction", s.Namespace, pod), "-f", "-",
				fmt.Sprintf("{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":%q}}\n", pod))
		},
		func(string) { s.Joe("delete", "replicaset", run.Name, "--wait=false") },
	} {
		running := shop.Await(s.Shop, "it is measured", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Phase == v1alpha1.PhaseRunning && r.Status.Step.BegunAnew == int32(i)
		})
		pod := running.Status.Canary.Pods[len(running.Status.Canary.Pods)-1].Name
		made := shop.Get(s.Shop, pod, &corev1.Pod{}).CreationTimestamp
		// One that takes its place within the same second has as long to live as it had.
		shop.Until(s.Shop, "another second has begun", func() bool { return time.Now().Unix() > made.Unix() })
		takeAway(pod)
	}
	ended := s.WantReverted(run.Name, v1alpha1.ReasonCrashed)
	if ended.Status.Step.BegunAnew != 3 {
		t.Errorf("the step was begun anew %d times", ended.Status.Step.BegunAnew)
	}
	s.WantEvents(v1alpha1.ReasonPodsTakenAway)
}

// TestPodsThatAreTakenAwayInStepsPassNothing: none of them lives through more than one step, and the one of
// the last has to live as long as all steps take.
func TestPodsThatAreTakenAwayInStepsPassNothing(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	plan := strings.NewReplacer("restartLimit: 9", "restartLimit: 0, steps: [{replicas: 1, period: 8s}, {replicas: 1, period: 8s}, {replicas: 1, period: 8s}]").Replace(shop.HealthPlan)
	s := openToEditor(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
	run := s.HoldV2("--crash-after=21s")
	for step := range int32(2) {
		running := shop.Await(s.Shop, "a step ends", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Phase == v1alpha1.PhaseRunning && r.Status.Step.Number == step+2
		})
		s.Joe("delete", "pod", running.Status.Canary.Pods[len(running.Status.Canary.Pods)-1].Name, "--wait=false")
	}
	ended := s.WantReverted(run.Name, v1alpha1.ReasonCrashed)
	if ended.Status.Step.Number != 3 || ended.Status.Step.BegunAnew != 2 {
		t.Errorf("it ended in step %d, begun anew %d times", ended.Status.Step.Number, ended.Status.Step.BegunAnew)
	}
}

// TestATenantCannotHideAnUpdateInARestart: a template whose pods read the mark of a restart runs what that
// says.
func TestATenantCannotHideAnUpdateInARestart(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	s.Joe("create", "-f", "-", `apiVersion: apps/v1
kind: Deployment
metadata: {name: reader}
spec:
  selector: {matchLabels: {app: reader}}
  template:
    metadata: {labels: {app: reader}, annotations: {kubectl.kubernetes.io/restartedAt: "2026-01-01T00:00:00Z"}}
    spec:
      containers:
      - name: app
        image: holdfast.test/app:v1
        args: ["$(MARK)--error-rate=0.9"]
        env: [{name: MARK, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['kubectl.kubernetes.io/restartedAt']"}}}]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`)
	shop.Await(s.Shop, "it is available", "reader", &appsv1.Deployment{}, shop.RolledOut)
	const mark = "kubectl.kubernetes.io/restartedAt"
	for what, change := range map[string][]string{
		"taken off": {"patch", "deployment", "reader", "--type=json", "-p", `[{"op":"remove","path":"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"}]`},
		"set":       {"rollout", "restart", "deployment/reader"},
	} {
		if said := s.Joe(change...); !strings.Contains(said, "update held") {
			t.Errorf("%s: kubectl says:\n%s", what, said)
		}
		if is := s.Deployment("reader").Spec.Template.Annotations[mark]; is != "2026-01-01T00:00:00Z" {
			t.Errorf("%s: the mark is %q", what, is)
		}
	}
}

// TestATenantCannotScaleRevisions, nor runs, nor have an autoscaler do so. The Deployment is scaled as ever.
func TestATenantCannotScaleRevisions(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	var sets appsv1.ReplicaSetList
	shop.AwaitSome(s.Shop, "a ReplicaSet of web", &sets, client.MatchingLabels{"app": "web"})
	const words = "scaled by controllers alone"
	for _, name := range []string{run.Name, sets.Items[0].Name} {
		s.WantRefused(words, "scale", "replicaset", name, "--replicas=6")
		s.WantRefused(words, "patch", "replicaset", name, "--subresource=scale", "--type=merge", "-p", `{"spec":{"replicas":6},"status":{"selector":""}}`)
		s.WantRefused("written by controllers alone", "patch", "replicaset", name, "--type=merge", "-p", `{"spec":{"replicas":6}}`)
		s.WantRefused(words, "create", "-f", "-", fmt.Sprintf("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: more}\n"+
			"spec: {scaleTargetRef: {apiVersion: apps/v1, kind: ReplicaSet, name: %s}, minReplicas: 6, maxReplicas: 6}\n", name))
	}
	s.Joe("create", "-f", "-", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"+
		"spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 6}\n")
	s.Joe("scale", "deployment", "web", "--replicas=3")
}

// TestPodsOfRunsEndInTime: a template may not have its pods answer for hours when their run is over.
func TestPodsOfRunsEndInTime(t *testing.T) {
	t.Parallel()
	s := openToEditor(t, shop.Settings{NoLoad: true, Plan: shop.Patient, Replicas: 1})
	slow := strings.Replace(s.Web("v2", "--drain=2h"), "containers:", "terminationGracePeriodSeconds: 7200\n      containers:", 1)
	run := s.NewestRun(s.Must("apply", "-f", "-", slow))
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Apply("v1")
	s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled)
	shop.Until(s.Shop, "its pod has ten minutes", func() bool {
		var pods corev1.PodList
		if err := shop.World.Client.List(t.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RunLabel: run.Name}); err != nil {
			t.Fatal(err)
		}
		return len(pods.Items) == 1 && pods.Items[0].DeletionGracePeriodSeconds != nil && *pods.Items[0].DeletionGracePeriodSeconds == 600
	})
	s.Must("delete", "pods", "-l", v1alpha1.RunLabel+"="+run.Name, "--grace-period=1", "--wait=false")
}

// TestPodsThatAreLeftBehindGo: a finalizer of the tenant's keeps the canary's ReplicaSet in its deletion, its
// pods orphaned or not. None of them is there when the run is over, or gone with its Deployment.
func TestPodsThatAreLeftBehindGo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cascade string
		end     func(s shop.Tenancy, run *v1alpha1.CanaryRun)
	}{
		"orphaned": {"orphan", func(shop.Tenancy, *v1alpha1.CanaryRun) {}},
		"kept": {"background", func(s shop.Tenancy, run *v1alpha1.CanaryRun) {
			s.Apply("v1")
			s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled)
		}},
		"kept, the Deployment deleted": {"background", func(s shop.Tenancy, run *v1alpha1.CanaryRun) {
			s.Joe("delete", "deployment", "web")
			shop.AwaitGone(s.Shop, run.Name, &v1alpha1.CanaryRun{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openToEditor(t, shop.Settings{NoLoad: true, Plan: shop.Patient, Replicas: 1})
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.Joe("patch", "replicaset", run.Name, "--type=merge", "-p", `{"metadata":{"finalizers":["joe.example/keep"]}}`)
			s.Joe("delete", "replicaset", run.Name, "--cascade="+tc.cascade, "--wait=false")
			tc.end(s, run)
			shop.Until(s.Shop, "no pod of the run is left", func() bool {
				var pods corev1.PodList
				if err := shop.World.Client.List(t.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RunLabel: run.Name}); err != nil {
					t.Fatal(err)
				}
				return len(pods.Items) == 0
			})
			s.Joe("patch", "replicaset", run.Name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
		})
	}
}

// TestPodsThatAreNamedAsTheCanarysAreNotMeasured: those of a StatefulSet with the name
// of the run are there, Ready and scraped; the query sees the canary alone.
func TestPodsThatAreNamedAsTheCanarysAreNotMeasured(t *testing.T) {
	t.Parallel()
	plan := strings.Replace(shop.PlanOf(`count(up{ {{canary}} }) - 1`), "period: 8s", "period: 15s", 1)
	s := openToEditor(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
	run := s.HoldV2()
	s.Joe("create", "-f", "-", fmt.Sprintf(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}}
    spec: {containers: [{name: app, image: "holdfast.test/app:v1"}]}
`, run.Name))
	shop.Await(s.Shop, "the pod that is named so runs", run.Name, &appsv1.StatefulSet{}, func(o *appsv1.StatefulSet) bool { return o.Status.ReadyReplicas == 1 })
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestATenantCannotHaveAPodAdopted: no pod of the labels of a run is made by anything
// but the run's ReplicaSet, and none gets them later, or the name of one.
func TestATenantCannotHaveAPodAdopted(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("create", "role", "more", "--verb=create,patch,update", "--resource=podtemplates,pods/ephemeralcontainers")
	s.Must("create", "rolebinding", "more", "--role=more", "--user=joe")
	shop.Until(s.Shop, "joe may debug", func() bool {
		answer, _, _ := s.Kubectl("auth", "can-i", "patch", "pods", "--subresource=ephemeralcontainers", "--as=joe")
		return strings.TrimSpace(answer) == "yes"
	})
	s.AwaitCan("joe", "create", "podtemplates")
	template := fmt.Sprintf(goodTemplate(run), "restartPolicy: Always,")
	labels := fmt.Sprintf("{%s: %s, %s: canary}", v1alpha1.RunLabel, run.Name, v1alpha1.RoleLabel)
	s.Joe("create", "configmap", "owner")
	owner := fmt.Sprintf(", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: %s, controller: true}]", shop.Get(s.Shop, "owner", &corev1.ConfigMap{}).UID)
	for kind, manifest := range map[string]string{
		"ReplicationController": "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: good}\nspec: {template: TEMPLATE}\n",
		"PodTemplate":           "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: good}\ntemplate: TEMPLATE\n",
		"StatefulSet":           "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: good}\nspec: {serviceName: web, selector: {matchLabels: LABELS}, template: TEMPLATE}\n",
		"DaemonSet":             "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: good}\nspec: {selector: {matchLabels: LABELS}, template: TEMPLATE}\n",
		"Job":                   "apiVersion: batch/v1\nkind: Job\nmetadata: {name: good}\nspec: {template: TEMPLATE}\n",
		"CronJob":               "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: good}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: TEMPLATE}}}\n",
		"ReplicaSet":            "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: good OWNER}\nspec: {selector: {matchLabels: LABELS}, template: TEMPLATE}\n",
	} {
		if kind == "Job" || kind == "CronJob" {
			manifest = strings.ReplaceAll(manifest, "TEMPLATE", strings.Replace(template, "Always", "OnFailure", 1))
		}
		manifest = strings.NewReplacer("TEMPLATE", template, "LABELS", labels, " OWNER", owner).Replace(manifest)
		s.WantRefused("by which the pods of runs are known", "create", "-f", "-", manifest)
	}

	// Made without them, it gets them later neither by its maker nor by hand.
	s.Joe("create", "-f", "-", "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: good}\nspec: {replicas: 1, template: {metadata: {labels: {app: good}}, spec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}}}\n")
	s.WantRefused("by which the pods of runs are known", "patch", "rc", "good", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"template":{"metadata":{"labels":{%q:%q}}}}}`, v1alpha1.RunLabel, run.Name))
	var pods corev1.PodList
	shop.AwaitSome(s.Shop, "a pod of another", &pods, client.MatchingLabels{"app": "good"})
	s.Joe("delete", "rc", "good", "--cascade=orphan")
	s.WantRefused("the pods of runs are Holdfast's own", "label", "pod", pods.Items[0].Name, v1alpha1.RunLabel+"="+run.Name, v1alpha1.RoleLabel+"=canary")

	// One that is gone is measured by its name, which nobody takes.
	shop.AwaitSome(s.Shop, "a canary pod", &pods, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
	first := pods.Items[0].Name
	s.WantRefused("the pods of runs are Holdfast's own", "debug", first, "--image=holdfast.test/app:v1")
	s.Joe("delete", "pod", first)
	shop.AwaitGone(s.Shop, first, &corev1.Pod{})
	s.WantRefused("is named as the pods of ReplicaSets and runs are", "create", "-f", "-", fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}\n", first))
	s.WantRefused("is named as the pods of ReplicaSets and runs are", "create", "-f", "-", fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {generateName: %s-}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}\n", run.Name))
	// The names of sets are cut where the Deployment's is long; and who counts pods may begin at any number.
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}\n"
	long := v1alpha1.RunName(strings.Repeat("long-", 12)+"name", "2nqq6mln9sindqljai6zctmlwj5at7gf", 1)
	for _, set := range []string{v1alpha1.BaselineName(long, 1), v1alpha1.CanaryName(long, 2), v1alpha1.BaselineName(long, 12)} {
		s.WantRefused("is named as the pods of ReplicaSets and runs are", "create", "-f", "-", fmt.Sprintf(pod, set+"-x7k2q"))
	}
	s.Joe("create", "-f", "-", fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":%[1]q},"spec":{"replicas":1,"ordinals":{"start":54872},"serviceName":"x",
		"selector":{"matchLabels":{"app":"counted"}},"template":{"metadata":{"labels":{"app":"counted"}},"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v1"}]}}}}`, run.Name))
	shop.AwaitEvent(s.Shop, "FailedCreate")
	if _, _, code := s.Kubectl("get", "pod", run.Name+"-54872"); code == 0 {
		t.Error("a StatefulSet has made a pod of a name that a canary's may have had")
	}
	s.Joe("create", "-f", "-", "apiVersion: v1\nkind: Pod\nmetadata: {name: anything-else}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}\n")

	shop.Await(s.Shop, "the canary has its pod again", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return rs.Status.ReadyReplicas == 1 })
	shop.AwaitSome(s.Shop, "a canary pod", &pods, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
	for _, pod := range pods.Items {
		if owner := metav1.GetControllerOf(&pod); owner == nil || owner.Name != run.Name || !strings.HasSuffix(pod.Spec.Containers[0].Image, ":v2") {
			t.Errorf("pod %s of %v runs %s", pod.Name, owner, pod.Spec.Containers[0].Image)
		}
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning) // the evaluator sees the pod a moment later
}
