package tenants

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestATenantCannotTakeTheNamespaceOut: by its labels, by its annotation, by
// whichever subresource; not even for a moment.
func TestATenantCannotTakeTheNamespaceOut(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	const own, out = "are Holdfast's own here", "out of CanaryPolicy"
	for _, label := range []string{v1alpha1.CanaryLabel + "-", v1alpha1.CanaryLabel + "=enabled", v1alpha1.PolicyLabel + "-", v1alpha1.PolicyLabel + "=enabled"} {
		s.WantRefused(own, "label", "--overwrite", "namespace", s.Namespace, label)
	}
	s.WantRefused(own, "annotate", "--overwrite", "namespace", s.Namespace, v1alpha1.PoliciesAnnotation+"-")
	s.WantRefused(own, "patch", "namespace", s.Namespace, "--subresource=status", "--type=merge", "-p", `{"metadata":{"labels":{"holdfast.dev/canary":null}}}`)
	for _, label := range []string{"tenant-", "tenant=other"} {
		s.WantRefused(out, "label", "--overwrite", "namespace", s.Namespace, label)
	}
	s.WantRefused(out, "patch", "namespace", s.Namespace, "--subresource=status", "--type=merge", "-p", `{"metadata":{"labels":{"tenant":"other"}}}`)
	s.Joe("label", "namespace", s.Namespace, "mood=good") // anything else is the tenant's own
	for _, annotation := range []string{"=enabled", "=disabled", "-"} {
		s.Joe("annotate", "--overwrite", "namespace", s.Namespace, v1alpha1.CanaryAnnotation+annotation)
		s.StillGuarded()
	}
	s.WantHeld("v2")
	s.StillGuarded()
}

// TestATenantCannotTakeADeploymentOut by its annotation, before or during a hold.
func TestATenantCannotTakeADeploymentOut(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	if said := s.Joe("annotate", "deployment", "web", "holdfast.dev/canary=disabled"); !strings.Contains(said, "counts for nothing here: CanaryPolicy "+s.Namespace+"-tenants") {
		t.Errorf("kubectl says:\n%s", said)
	}
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Joe("annotate", "--overwrite", "deployment", "web", "holdfast.dev/canary=enabled")
	s.Joe("annotate", "--overwrite", "deployment", "web", "holdfast.dev/canary=disabled")
	s.Joe("label", "deployment", "web", "touched=yes")
	s.WantImage("v1")
	if shop.Get(s.Shop, run.Name, &v1alpha1.CanaryRun{}).Status.Phase.Ended() {
		t.Error("the run has ended")
	}
}

// TestATenantCannotSkip where the policy says who may, whatever RBAC says.
func TestATenantCannotSkip(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "allow: {skip: [{kind: User, name: ann}]}")
	s.WantRefused("CanaryPolicy "+s.Namespace+"-tenants does not allow it", "apply", "-f", "-", s.Skipping("v2", "impatience"))
	s.WantHeld("v2")
	s.WantRefused("does not allow it", "annotate", "deployment", "web", "holdfast.dev/skip=impatience")
	s.WantImage("v1")
	s.Must("--as=ann", "annotate", "deployment", "web", "holdfast.dev/skip=on call")
	s.WantImage("v2")
}

// loosePlan asks for as little as a plan can.
const loosePlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec: {replicas: 9, restartLimit: 99, onFailure: Freeze, deadline: 72h, analysis: {period: 1s, interval: 1s, failureLimit: 99}}
`

var bounds = []string{
	"limits: {minPeriod: 10m, maxInterval: 5s, maxReplicas: 1, maxDeadline: 2h, maxRuns: 3, maxFailureLimit: 1, maxRestartLimit: 0}",
	`metrics: [{name: scraped, query: 'sum(up{ {{canary}} })', range: {min: 1}}]`,
}

// wantWithin wants a run by a plan within the bounds.
func wantWithin(t *testing.T, run *v1alpha1.CanaryRun) {
	t.Helper()
	p := run.Spec.Plan
	if p.Total().String() != "10m0s" || p.Replicas.IntValue() != 1 || p.Deadline.Duration.String() != "2h0m0s" || *p.MaxRuns != 3 ||
		*p.Analysis.FailureLimit != 1 || *p.RestartLimit != 0 || p.OnFailure != v1alpha1.FailureRevert {
		t.Errorf("the plan of run %s is %+v", run.Name, p)
	}
	if len(p.Analysis.Metrics) != 1 || p.Analysis.Metrics[0].Name != "scraped" {
		t.Errorf("the metrics of run %s are %+v", run.Name, p.Analysis.Metrics)
	}
}

// TestATenantCannotPlanLess than the policy demands: not by a plan, not by
// annotations, not by none. The run says which policy changed what, and so does
// kubectl to whoever writes the plan.
func TestATenantCannotPlanLess(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, "", bounds...)
	by := "CanaryPolicy " + s.Namespace + "-tenants"
	if said := s.Joe("apply", "-f", "-", loosePlan); !strings.Contains(said, by+" sets analysis.period to 10m0s, not 1s") {
		t.Errorf("kubectl says:\n%s", said)
	}
	run := s.WantHeld("v2")
	wantWithin(t, run)
	run = s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	if c := shop.Condition(run.Status.Conditions, v1alpha1.ConditionPolicyApplied); !strings.Contains(c.Message, by+" sets analysis.period to 10m0s, not 1s") || c.Status != "True" {
		t.Errorf("condition PolicyApplied is %+v", c)
	}
	if described := s.Joe("describe", "canaryrun", run.Name); !strings.Contains(described, "PolicyApplied") || !strings.Contains(described, by+" adds analysis.metrics[scraped]") {
		t.Errorf("kubectl describe says:\n%s", described)
	}
	s.WantEvents(v1alpha1.ReasonPolicyApplied)

	said := s.Joe("apply", "-f", "-", shop.Annotate(s.Web("v3"), "holdfast.dev/period: 1s"))
	if !strings.Contains(said, by+" sets analysis.period to 10m0s, not 1s") {
		t.Errorf("kubectl says:\n%s", said)
	}
	run = s.NewestRun(said)
	if run.Spec.PlanSource != "annotations of the Deployment" || run.Spec.Plan.Total().String() != "10m0s" || len(run.Spec.Plan.Analysis.Metrics) != 1 {
		t.Errorf("by %s: %+v", run.Spec.PlanSource, run.Spec.Plan)
	}
	s.WantImage("v1")
}

// TestATenantCannotChangeThePlanMidRun, and a run that is deleted is made anew within the bounds.
func TestATenantCannotChangeThePlanMidRun(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, loosePlan, bounds...)
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Joe("patch", "canaryplan", "default", "--type=merge", "-p", `{"spec":{"analysis":{"period":"2s"}}}`)
	s.Joe("delete", "canaryplan", "default")
	s.WantRefused("cannot be changed", "patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"plan":{"analysis":{"period":"1s"}}}}`)
	s.WantRefused("cannot be changed", "patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"policies":null}}`)
	wantWithin(t, shop.Get(s.Shop, run.Name, &v1alpha1.CanaryRun{}))
	s.Joe("delete", "canaryrun", run.Name)
	again := shop.Await(s.Shop, "the run is made anew", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.UID != run.UID })
	if p := again.Spec.Plan; p.Total() < 10*time.Minute || len(p.Analysis.Metrics) != 1 || p.Deadline.Duration != 2*time.Hour {
		t.Errorf("made anew, the run has the plan %+v", p)
	}
	s.WantImage("v1")
}

// TestATenantCannotScaleItsWayOut: to zero and back, in one request or in several.
func TestATenantCannotScaleItsWayOut(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	s.Joe("scale", "deployment/web", "--replicas=0")
	s.AwaitAvailable()
	first := s.WantHeld("v2")
	said := s.Joe("patch", "deployment", "web", "--type=strategic", "-p",
		`{"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v3"}]}}}}`)
	if !strings.Contains(said, "update held") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.Joe("scale", "deployment/web", "--replicas=2")
	s.WantImage("v1")
	s.AwaitPhase(first.Name, v1alpha1.PhaseSuperseded)
	s.AwaitPhase(s.NewestRun(said).Name, v1alpha1.PhaseRunning)
	s.WantImage("v1")
}

// TestATenantCannotScaleItsWayToALargerCanary: what a policy allows is a share of the Deployment
// as it is scaled now, and not as it was when its update was held.
func TestATenantCannotScaleItsWayToALargerCanary(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.With(shop.Patient, "replicas: 4"), "limits: {maxReplicas: 50%}")
	s.Joe("scale", "deployment/web", "--replicas=8")
	s.AwaitAvailable()
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	canary := func(want int32) func(*v1alpha1.CanaryRun) bool {
		return func(r *v1alpha1.CanaryRun) bool { return r.Status.Replicas == want }
	}
	shop.Await(s.Shop, "the canary has what half of eight is", run.Name, &v1alpha1.CanaryRun{}, canary(4))
	s.Joe("scale", "deployment/web", "--replicas=1")
	shop.Await(s.Shop, "the canary shrinks", run.Name, &v1alpha1.CanaryRun{}, canary(1))
	shop.Until(s.Shop, "its pods go", func() bool { return len(s.PodsOfRole(run, v1alpha1.RoleCanary)) == 1 })
}

// TestATenantCannotForgeARevision for a rollback to go to: no ReplicaSet that it
// makes or changes is taken for one. Scaling them is undone as ever.
func TestATenantCannotForgeARevision(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	const words = "written by controllers alone"
	web := s.Deployment("web")
	s.WantRefused(words, "create", "-f", "-", shop.BareReplicaSet)
	owner := fmt.Sprintf("metadata: {name: forged, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: %s, controller: true}]}", web.UID)
	s.WantRefused(words, "create", "-f", "-", strings.Replace(shop.BareReplicaSet, "metadata: {name: forged, labels: {app: web}}", owner, 1))
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	var sets appsv1.ReplicaSetList
	if err := shop.World.Client.List(t.Context(), &sets, client.InNamespace(s.Namespace)); err != nil {
		t.Fatal(err)
	}
	if len(sets.Items) != 2 {
		t.Fatalf("there are %d ReplicaSets, want the stable one and the canary's", len(sets.Items))
	}
	for _, set := range sets.Items { // the stable one and the canary's
		name := "replicaset/" + set.Name
		s.WantRefused(words, "set", "image", name, "app=holdfast.test/app:v9")
		s.WantRefused(words, "label", "--overwrite", name, "app=other")
		s.WantRefused(words, "patch", name, "--type=merge", "-p", fmt.Sprintf(
			`{"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":%q,"blockOwnerDeletion":true}]}}`, web.UID))
	}
	s.WantImage("v1")
}

// TestATenantCannotHaveARevisionAdopted: a ReplicaSet that another Deployment or
// an object of another kind leaves behind becomes the Deployment's, if its labels
// match. Its template is tried all the same.
func TestATenantCannotHaveARevisionAdopted(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	web := s.Deployment("web")
	adopted := func(name string) {
		t.Helper()
		shop.Await(s.Shop, name+" is adopted", name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return metav1.IsControlledBy(rs, web) })
	}

	s.Joe("create", "-f", "-", s.Idle("Deployment", "{name: x}", "v8"))
	var sets appsv1.ReplicaSetList
	shop.AwaitList(s.Shop, "a ReplicaSet of another Deployment", &sets, func(n int) bool { return n == 2 }, nil)
	s.Joe("delete", "deployment", "x", "--cascade=orphan")
	for _, set := range sets.Items {
		adopted(set.Name)
	}
	s.WantHeld("v8")

	s.Joe("create", "configmap", "owner")
	owner := fmt.Sprintf("ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: %s, controller: true}]", shop.Get(s.Shop, "owner", &corev1.ConfigMap{}).UID)
	const words = "written by controllers alone"
	s.WantRefused(words, "create", "-f", "-", s.Idle("ReplicaSet", "{name: web-1234567, labels: {app: web, pod-template-hash: '1234567'}, "+owner+"}", "v9"))
	s.Joe("create", "-f", "-", s.Idle("ReplicaSet", "{name: web-1234567, labels: {app: web}, "+owner+"}", "v9"))
	s.WantRefused(words, "label", "replicaset", "web-1234567", "pod-template-hash=1234567")
	s.Joe("delete", "configmap", "owner", "--cascade=orphan")
	adopted("web-1234567")
	s.WantHeld("v9")
}

// TestATenantCannotDecideAboutRuns: their status is Holdfast's, and who promotes
// and aborts is the policy's to say, whatever RBAC says.
func TestATenantCannotDecideAboutRuns(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "allow: {promote: [{kind: User, name: ann}], abort: [{kind: Group, name: oncall}]}")
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.WantRefused("written by Holdfast alone", "patch", "canaryrun", run.Name, "--subresource=status", "--type=merge", "-p", `{"status":{"verdict":"Pass","phase":"Releasing"}}`)
	by := "CanaryPolicy " + s.Namespace + "-tenants does not allow it"
	for _, spec := range []string{`{"decision":"Promote"}`, `{"approvedSteps":1}`, `{"decision":"Abort"}`} {
		s.WantRefused(by, "patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":`+spec+`}`)
	}
	claim := fmt.Sprintf("apiVersion: holdfast.dev/v1alpha1\nkind: CanaryRun\nmetadata: {name: claim}\nspec: {deployment: web, hold: %s, templateHash: %s, plan: {}}\n", run.Spec.Hold, run.Spec.TemplateHash)
	s.WantRefused("runs of held updates are made by Holdfast alone", "create", "-f", "-", claim)
	byHand := "apiVersion: holdfast.dev/v1alpha1\nkind: CanaryRun\nmetadata: {name: by-hand}\nspec: {deployment: web, containers: [{name: app, image: x}], plan: {replicas: 50}}\n"
	s.WantRefused("names a plan by planRef", "create", "-f", "-", byHand)
	s.Joe("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"paused":true}}`)
	s.WantImage("v1")
	s.Must("--as=ann", "patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Promote","paused":false}}`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestATenantCannotDeleteAndMakeAnew with another template, at once or later, by
// whichever way of deleting; with the same one it can.
func TestATenantCannotDeleteAndMakeAnew(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "allow: {skip: [{kind: User, name: ann}]}")
	words := "which CanaryPolicy " + s.Namespace + "-tenants does not allow"
	s.WantRefused(words, "replace", "--force", "-f", "-", s.Web("v2"))
	s.WantRefused(words, "create", "-f", "-", s.Web("v2"))
	s.WantRefused("Holdfast's own", "annotate", "namespace", s.Namespace, v1alpha1.DeletedAnnotationPrefix+"web-")
	s.WantRefused(`user "joe" may not update without a canary`, "apply", "-f", "-", s.Skipping("v2", "impatience"))
	s.Joe("apply", "-f", "-", s.Web("v1"))
	s.AwaitAvailable()
	s.WantHeld("v2")
	s.Joe("delete", "deployment", "web", "--cascade=orphan") // the pods stay, and would be adopted
	s.WantRefused(words, "apply", "-f", "-", s.Web("v2"))
	s.Joe("apply", "-f", "-", s.Web("v1"))
	s.Joe("delete", "--raw", "/apis/apps/v1/namespaces/"+s.Namespace+"/deployments") // a collection
	shop.AwaitGone(s.Shop, "web", &appsv1.Deployment{})
	s.WantRefused(words, "apply", "-f", "-", s.Web("v2"))
	s.Must("--as=ann", "apply", "-f", "-", s.Skipping("v2", "on call"))
	s.WantImage("v2")
	if said := s.Must("--as=ann", "apply", "-f", "-", s.Skipping("v3", "on call")); !strings.Contains(said, "update held") {
		t.Errorf("skipped once more, by the same value; kubectl says:\n%s", said)
	}
	s.WantImage("v2")
}

// TestATenantCannotSwapTheCanary for pods that are good: neither the image of
// its pods, nor its pods for others.
func TestATenantCannotSwapTheCanary(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	var pods corev1.PodList
	shop.AwaitSome(s.Shop, "a canary pod", &pods, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
	const words = "the pods of runs are Holdfast's own"
	pod := "pod/" + pods.Items[0].Name
	s.WantRefused(words, "set", "image", pod, "app=holdfast.test/app:v1")
	s.WantRefused(words, "label", pod, v1alpha1.RunLabel+"-")
	s.WantRefused(words, "label", "--overwrite", pod, "app=other")
	s.WantRefused(words, "create", "-f", "-", fmt.Sprintf(
		"apiVersion: v1\nkind: Pod\nmetadata: {name: fake, labels: {%s: %s}}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1'}]}\n", v1alpha1.RunLabel, run.Name))
	s.Joe("annotate", pod, "seen=yes")
}

// TestAPolicyThatEnables guards as one that requires does, while Holdfast answers.
func TestAPolicyThatEnables(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "guard: enabled")
	s.Joe("annotate", "deployment", "web", "holdfast.dev/canary=disabled")
	s.WantHeld("v2")
	s.WantRefused("made anew with another pod template", "replace", "--force", "-f", "-", s.Web("v2"))
}

// TestARunByHandIsWithinTheBounds, by the plan that it names.
func TestARunByHandIsWithinTheBounds(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, loosePlan, bounds...)
	s.Joe("create", "-f", "-", "apiVersion: holdfast.dev/v1alpha1\nkind: CanaryRun\nmetadata: {name: by-hand}\nspec: {deployment: web, containers: [{name: app, image: 'holdfast.test/app:v2'}], planRef: default}\n")
	run := s.AwaitPhase("by-hand", v1alpha1.PhaseRunning)
	if p := run.Status.Plan; p.Total() != 10*time.Minute || p.Replicas.IntValue() != 1 || len(p.Analysis.Metrics) != 1 {
		t.Errorf("the plan is %+v", p)
	}
	if c := shop.Condition(run.Status.Conditions, v1alpha1.ConditionPolicyApplied); !strings.Contains(c.Message, "sets analysis.period to 10m0s") {
		t.Errorf("condition PolicyApplied is %+v", c)
	}
	s.WantImage("v1")
}
