package protect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/plan"
)

const shop = "shop"

// stage is a protector over objects in memory.
type stage struct {
	t      *testing.T
	api    client.WithWatch
	p      *protector
	clock  *testclock.FakeClock
	plan   plan.Resolved
	may    bool
	refuse error // of patches
	events []string
	woken  []string
	lists  int // of ConfigMaps
	// listed is called after a list of ConfigMaps, asked when a plan is.
	listed, asked func()
}

// Eventf implements events.EventRecorder.
func (s *stage) Eventf(about, _ runtime.Object, kind, reason, _, format string, args ...any) {
	o, _ := about.(client.Object)
	s.events = append(s.events, fmt.Sprintf("%s %s %s: ", o.GetName(), kind, reason)+fmt.Sprintf(format, args...))
}

func newStage(t *testing.T, objects ...client.Object) *stage {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, may: true, clock: testclock.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	s.plan.Spec.Protect = v1alpha1.ProtectConfigMaps
	s.api = fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().WithObjects(objects...).
		WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shop}}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				if review, is := o.(*authorizationv1.SelfSubjectAccessReview); is {
					a := review.Spec.ResourceAttributes
					review.Status.Allowed = s.may && a.Resource == "configmaps" && a.Namespace == "" && (a.Verb == "list" || a.Verb == "patch")
					return nil
				}
				return c.Create(ctx, o, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				if s.refuse != nil {
					return s.refuse
				}
				return c.Patch(ctx, o, p, opts...)
			},
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if list.GetObjectKind().GroupVersionKind().Kind == "ConfigMapList" {
					s.lists++
					if s.listed != nil {
						defer s.listed()
					}
				}
				return c.List(ctx, list, opts...)
			},
		}).Build()
	s.restart()
	return s
}

// restart is a new replica that leads.
func (s *stage) restart() {
	s.p = newProtector(Options{
		Cached: s.api, Live: listingtest.APIServer{Reader: s.api}, Writer: s.api, Recorder: s, Clock: s.clock,
		Plans: func(string) PlanFunc {
			return func(context.Context, *unstructured.Unstructured) (plan.Resolved, error) {
				if s.asked != nil {
					s.asked()
				}
				return s.plan, nil
			}
		},
	})
	s.p.wake = func(namespace string) { s.woken = append(s.woken, namespace) }
}

func (s *stage) look(req ctrl.Request) ctrl.Result {
	s.t.Helper()
	s.clock.SetTime(s.clock.Now().Add(time.Minute))
	result, err := s.p.reconcile(s.t.Context(), req)
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// change changes the Deployment mail.
func (s *stage) change(change func(*appsv1.Deployment)) {
	s.t.Helper()
	var d appsv1.Deployment
	s.must(s.api.Get(s.t.Context(), types.NamespacedName{Namespace: shop, Name: "mail"}, &d))
	change(&d)
	status := d.Status
	s.must(s.api.Update(s.t.Context(), &d))
	d.Status = status
	s.must(client.IgnoreNotFound(s.api.Status().Update(s.t.Context(), &d)))
}

// state is the state of a ConfigMap.
func (s *stage) state(name string) string {
	s.t.Helper()
	var c corev1.ConfigMap
	err := s.api.Get(s.t.Context(), types.NamespacedName{Namespace: shop, Name: name}, &c)
	switch {
	case apierrors.IsNotFound(err):
		return "gone"
	case err != nil:
		s.t.Fatal(err)
	case !slices.Contains(c.Finalizers, v1alpha1.ProtectFinalizer):
		return "there"
	case c.DeletionTimestamp != nil:
		return "kept"
	}
	return "protected"
}

func (s *stage) want(when, name, want string) {
	s.t.Helper()
	if got := s.state(name); got != want {
		s.t.Errorf("%s ConfigMap %s is %s, want %s", when, name, got, want)
	}
}

func (s *stage) wantTold(times int, words string) {
	s.t.Helper()
	n := 0
	for _, event := range s.events {
		if strings.Contains(event, words) {
			n++
		}
	}
	if n != times {
		s.t.Errorf("%q was told %d times, want %d: %v", words, n, times, s.events)
	}
}

func mail(settings string) *appsv1.Deployment {
	labels := map[string]string{"app": "mail"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "mail", UID: "uid-mail"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: naming(settings)},
		},
		Status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
	}
}

func naming(settings string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", EnvFrom: []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: settings}}},
	}}}}
}

func replicaSet(settings string, replicas int32) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "mail-" + settings, Labels: map[string]string{"app": "mail"}, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "Deployment", Name: "mail", UID: "uid-mail", Controller: new(true)},
		}},
		Spec: appsv1.ReplicaSetSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: naming(settings)}},
	}
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name, UID: types.UID("uid-" + name), Finalizers: []string{"example.com/a"}}}
}

// prune deletes ConfigMap settings-1, on which others' finalizer is in no one's way.
func (s *stage) prune() {
	s.t.Helper()
	c := configMap("settings-1")
	s.must(s.api.Get(s.t.Context(), client.ObjectKeyFromObject(c), c))
	s.must(s.api.Patch(s.t.Context(), c, client.RawPatch(types.StrategicMergePatchType, []byte(`{"metadata":{"$deleteFromPrimitiveList/finalizers":["example.com/a"]}}`))))
	s.must(s.api.Delete(s.t.Context(), c))
}

// TestAConfigMapIsKeptAsLongAsTheStablePodsNeedIt: a hold, a prune and a release.
func TestAConfigMapIsKeptAsLongAsTheStablePodsNeedIt(t *testing.T) {
	s := newStage(t, mail("settings-1"), configMap("settings-1"), configMap("settings-2"), replicaSet("settings-1", 2))
	s.look(request(shop))
	s.want("before the hold", "settings-1", "there")
	if s.lists > 0 {
		t.Errorf("nothing is held, and ConfigMaps were listed")
	}
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
	if again := s.look(request(shop)).RequeueAfter; again != heldPace {
		t.Errorf("held, it is looked at again after %v", again)
	}
	s.want("held", "settings-1", "protected")
	s.want("held", "settings-2", "there")
	s.wantTold(1, "mail Normal ConfigMapsProtected: ConfigMap settings-1 has finalizer")
	s.prune()
	s.look(request(shop))
	s.look(request(shop))
	s.want("pruned", "settings-1", "kept")
	s.wantTold(1, "mail Warning ConfigMapKept: ConfigMap settings-1 was deleted, and finalizer")

	s.change(func(d *appsv1.Deployment) {
		d.Annotations, d.Generation, d.Spec.Template.Spec = nil, 2, naming("settings-2")
	})
	s.look(request(shop))
	s.want("released", "settings-1", "kept")
	s.change(func(d *appsv1.Deployment) { d.Status.ObservedGeneration, d.Status.UpdatedReplicas = 2, 1 })
	s.look(request(shop))
	s.want("half rolled out", "settings-1", "kept")
	s.change(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 2 })
	if again := s.look(request(shop)).RequeueAfter; again != 0 || s.p.isKnown(shop) {
		t.Errorf("all done, it is looked at again after %v", again)
	}
	s.want("rolled out", "settings-1", "gone")
	s.wantTold(1, "ConfigMapKept")
}

// TestAfterARevertAConfigMapIsKept that was deleted, by another replica too; one that was not has no
// finalizer once the rejected update is asked for no more. Going through very many Deployments takes time,
// and one of them changes at any moment.
func TestANamespaceIsLeftAloneForLongerThanALookAtItTakes(t *testing.T) {
	s := newStage(t, mail("settings-1"))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
	s.plan.Spec.Protect = v1alpha1.ProtectNone
	asked := 0
	s.asked = func() { asked++; s.clock.Step(100 * time.Millisecond) }
	again := func() time.Duration {
		result, err := s.p.reconcile(t.Context(), request(shop))
		s.must(err)
		return result.RequeueAfter
	}
	again()
	if left := again(); left != 2*time.Second || asked != 1 {
		t.Errorf("after a look of 100 ms it is left alone for %s, and was looked at %d times", left, asked)
	}
	s.clock.Step(2 * time.Second)
	if left := again(); left != 0 || asked != 2 {
		t.Errorf("then it is left alone for %s, and was looked at %d times", left, asked)
	}
	s.asked = nil
	s.clock.Step(2 * time.Second)
	again()
	if left := again(); left != 0 {
		t.Errorf("after a look that took no time it is left alone for %s", left)
	}
}

func TestAfterARevertAConfigMapIsKept(t *testing.T) {
	s := newStage(t, mail("settings-1"), configMap("settings-1"))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
	s.look(request(shop))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.FailedAnnotation: "hash"} })
	if again := s.look(request(shop)).RequeueAfter; again != keptPace {
		t.Errorf("rejected, it is looked at again after %v", again)
	}
	s.want("rejected", "settings-1", "protected")
	s.prune()
	s.look(request(shop))
	s.want("rejected and pruned", "settings-1", "kept")
	s.wantTold(1, "ConfigMap settings-1 was deleted, and the template that runs still needs it")
	s.change(func(d *appsv1.Deployment) { d.Annotations = nil })
	s.restart()
	s.look(search)
	if !slices.Equal(s.woken, []string{shop}) {
		t.Fatalf("the search has found %v", s.woken)
	}
	s.look(request(shop))
	s.want("asked for no more", "settings-1", "kept")
	s.change(func(d *appsv1.Deployment) { d.Spec.Template.Spec = naming("settings-2") })
	s.look(request(shop))
	s.want("no longer named", "settings-1", "gone")

	s = newStage(t, mail("settings-1"), configMap("settings-1"))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.FailedAnnotation: "hash"} })
	s.look(request(shop))
	s.want("rejected before Holdfast started", "settings-1", "protected")
	s.change(func(d *appsv1.Deployment) { d.Annotations = nil })
	s.look(request(shop))
	s.want("withdrawn", "settings-1", "there")
}

// TestWhatTakesTheFinalizerOff at once.
func TestWhatTakesTheFinalizerOff(t *testing.T) {
	for name, end := range map[string]func(s *stage){
		"the Deployment is deleted": func(s *stage) { s.must(s.api.Delete(s.t.Context(), mail(""))) },
		"the Deployment is being deleted": func(s *stage) {
			s.change(func(d *appsv1.Deployment) { d.Finalizers = []string{"example.com/a"} })
			s.must(s.api.Delete(s.t.Context(), mail("")))
		},
		"the plan asks no more": func(s *stage) { s.plan.Spec.Protect = v1alpha1.ProtectNone },
		"the plan is gone":      func(s *stage) { s.plan = plan.Resolved{Reason: v1alpha1.ReasonPlanNotFound} },
		"the guard is lifted":   func(s *stage) { s.plan = plan.BuiltIn() },
		"the namespace is being deleted": func(s *stage) {
			var ns corev1.Namespace
			s.must(s.api.Get(s.t.Context(), types.NamespacedName{Name: shop}, &ns))
			ns.Finalizers = []string{"example.com/a"}
			s.must(s.api.Update(s.t.Context(), &ns))
			s.must(s.api.Delete(s.t.Context(), &ns))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, mail("settings-1"), configMap("settings-1"))
			s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
			s.look(request(shop))
			s.prune()
			s.look(request(shop))
			s.want("before", "settings-1", "kept")
			end(s)
			s.restart() // it knows nothing of the namespace
			s.look(search)
			s.look(request(shop))
			s.want("then", "settings-1", "gone")
		})
	}
}

// TestAPlanThatCannotBeFollowed takes nothing off, and puts nothing on.
func TestAPlanThatCannotBeFollowed(t *testing.T) {
	s := newStage(t, mail("settings-1"), configMap("settings-1"), configMap("settings-2"))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
	s.look(request(shop))
	s.plan = plan.Resolved{Reason: v1alpha1.ReasonPlanInvalid}
	s.prune()
	s.look(request(shop))
	s.want("then", "settings-1", "kept")
}

// TestWithoutTheRight nothing is done, and people are told once for each hold.
func TestWithoutTheRight(t *testing.T) {
	s := newStage(t, mail("settings-1"), configMap("settings-1"))
	s.may = false
	for _, record := range []string{"x", "x", "y"} {
		s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: record} })
		s.look(request(shop))
	}
	s.look(search)
	s.want("without the right", "settings-1", "there")
	s.wantTold(2, "mail Warning NotProtected: no ConfigMap of the stable template is protected, though the plan asks for it (spec.protect: ConfigMaps)")
	if s.lists > 0 {
		t.Errorf("ConfigMaps were listed %d times", s.lists)
	}
	s.may = true
	s.look(request(shop))
	s.want("with it", "settings-1", "protected")
}

// TestARefusalIsTold and tried again; nothing is forgotten for it.
func TestARefusalIsTold(t *testing.T) {
	refusal := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "settings-1", errors.New("change freeze"))
	s := newStage(t, mail("settings-1"), configMap("settings-1"))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
	s.refuse = refusal
	s.look(request(shop))
	s.wantTold(1, "mail Warning NotProtected: ConfigMap settings-1 of the stable template is not protected: ")
	s.refuse = nil
	s.look(request(shop))
	s.want("in the end", "settings-1", "protected")
	s.change(func(d *appsv1.Deployment) { d.Annotations = nil })
	s.refuse = refusal
	if again := s.look(request(shop)).RequeueAfter; again != keptPace {
		t.Errorf("what could not be taken off is looked at again after %v", again)
	}
	s.wantTold(1, "settings-1 Warning NotProtected: nothing needs finalizer holdfast.dev/stable-template any longer")
	s.refuse = nil
	s.look(request(shop))
	s.want("taken off", "settings-1", "there")
}

// protectedByWebhook is settings-1 a moment after the webhook has put the finalizer on.
func protectedByWebhook() *corev1.ConfigMap {
	protected := configMap("settings-1")
	protected.Finalizers = append(protected.Finalizers, v1alpha1.ProtectFinalizer)
	protected.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "holdfast", Operation: metav1.ManagedFieldsOperationUpdate, Time: &metav1.Time{Time: time.Date(2026, 3, 1, 12, 0, 59, 0, time.UTC)},
		APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:finalizers":{"v:\"holdfast.dev/stable-template\"":{}}}}`),
	}}
	return protected
}

// TestAHoldDuringALook takes nothing off: the update is held and its tool prunes while the namespace is
// looked at.
func TestAHoldDuringALook(t *testing.T) {
	s := newStage(t, mail("settings-1"), protectedByWebhook())
	s.p.note(shop, true)
	s.listed = func() {
		s.listed = nil
		s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
		s.prune()
	}
	s.look(request(shop))
	s.want("then", "settings-1", "kept")
	s.look(request(shop))
	s.want("later", "settings-1", "kept")
}

// TestWhatIsAboutToBeHeld keeps the finalizer that the webhook has put on, for a moment.
func TestWhatIsAboutToBeHeld(t *testing.T) {
	s := newStage(t, mail("settings-1"), protectedByWebhook())
	s.p.note(shop, true)
	if again := s.look(request(shop)).RequeueAfter; again != heldPace {
		t.Errorf("it is looked at again after %v", again)
	}
	s.want("at first", "settings-1", "protected")
	s.look(request(shop))
	s.want("nothing was held", "settings-1", "there")
}

// TestAConfigMapOfAnotherUIDIsLeftAlone: it was deleted and made anew between the look and the patch.
func TestAConfigMapOfAnotherUIDIsLeftAlone(t *testing.T) {
	s := newStage(t, mail("settings-1"), configMap("settings-1"))
	s.change(func(d *appsv1.Deployment) { d.Annotations = map[string]string{v1alpha1.HeldAnnotation: "x"} })
	s.refuse = apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, "settings-1", errors.New("the UID in the precondition is another"))
	if again := s.look(request(shop)).RequeueAfter; again != time.Second {
		t.Errorf("it is looked at again after %v", again)
	}
	if len(s.events) > 0 {
		t.Errorf("told %v", s.events)
	}
}

// TestPeopleAreRememberedWithinBounds: who holds updates without end fills no memory.
func TestPeopleAreRememberedWithinBounds(t *testing.T) {
	s := newStage(t)
	for i := range 3 * maxTold {
		s.p.first(shop, fmt.Sprint(i))
	}
	if n := len(s.p.told[shop]); n > maxTold {
		t.Errorf("%d are remembered", n)
	}
}
