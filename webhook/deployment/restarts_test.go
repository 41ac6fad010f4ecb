package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// plansOf are the CanaryPlans of a namespace, by name; err is what reading any ends in.
type plansOf struct {
	client.Reader
	specs map[string]v1alpha1.CanaryPlanSpec
	err   error
}

func (p plansOf) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if p.err != nil {
		return p.err
	}
	spec, there := p.specs[key.Name]
	if !there || key.Namespace != "shop" {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "canaryplans"}, key.Name)
	}
	object.(*v1alpha1.CanaryPlan).Spec = spec
	return nil
}

// TestWhoNamesMarksOfARestart: an update of nothing but the annotation built-at passes where
// somebody names it who may.
func TestWhoNamesMarksOfARestart(t *testing.T) {
	named := plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"default": {RestartMarks: []string{"built-at"}}}}
	policy := func(change func(*v1alpha1.CanaryPolicySpec)) demandtest.Cache {
		return demandtest.Cache{Policies: demandtest.Strict(change)}
	}
	lists := func(names ...string) func(*v1alpha1.CanaryPolicySpec) {
		return func(s *v1alpha1.CanaryPolicySpec) { s.RestartMarks = names }
	}
	offered := []v1alpha1.OfferedPlan{{Name: "default", Spec: named.specs["default"]}}
	for name, tc := range map[string]struct {
		flag   []string
		plans  client.Reader
		cache  demandtest.Cache
		passes bool
	}{
		"nobody":                                             {},
		"Holdfast's administrator":                           {flag: []string{"other", "built-at"}, passes: true},
		"a plan":                                             {plans: named, passes: true},
		"a plan that the namespace names":                    {plans: plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"strict": {RestartMarks: []string{"built-at"}}}}, cache: demandtest.Cache{Annotations: map[string]string{v1alpha1.PlanAnnotation: "strict"}}, passes: true},
		"a plan of another name":                             {plans: plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"other": {RestartMarks: []string{"built-at"}}}}},
		"a plan that cannot be read":                         {plans: plansOf{err: errors.New("no answer")}},
		"a tenant's plan where a policy guards":              {plans: named, cache: policy(nil)},
		"a tenant's plan where a policy is left of":          {plans: named, cache: demandtest.Cache{Labels: map[string]string{v1alpha1.PolicyLabel: "required"}}},
		"a tenant's plan where a policy sets bounds":         {plans: named, cache: policy(func(s *v1alpha1.CanaryPolicySpec) { s.Guard = "" }), passes: true},
		"a plan that a policy offers":                        {plans: plansOf{}, cache: policy(func(s *v1alpha1.CanaryPolicySpec) { s.Plans = offered }), passes: true},
		"a tenant's plan of the name of one that is offered": {plans: plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"default": {RestartMarks: []string{"built-at"}}}}, cache: policy(func(s *v1alpha1.CanaryPolicySpec) { s.Plans = offered })},
		"a policy":                               {cache: policy(lists("built-at")), passes: true},
		"the flag, and not the list of a policy": {flag: []string{"built-at"}, cache: policy(lists("other"))},
		"a plan, and not the list of a policy that guards nobody": {plans: named, cache: policy(func(s *v1alpha1.CanaryPolicySpec) { s.Guard, s.RestartMarks = "", []string{} })},
	} {
		t.Run(name, func(t *testing.T) {
			patch := map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"built-at": "2"}}}}}
			handler, req := setUp(t, casetest.Case{Request: casetest.Submission{Manager: "helm", Patch: patch}})
			handler.RestartMarks, handler.Policies = tc.flag, demand.Policies{Reader: tc.cache}
			if tc.plans != nil {
				handler.Plans = tc.plans
			}
			resp := handler.Handle(t.Context(), req)
			held := slices.ContainsFunc(resp.Warnings, func(w string) bool { return strings.Contains(w, "update held") })
			if !resp.Allowed || held == tc.passes {
				t.Errorf("held: %v, says %q", held, resp.Warnings)
			}
		})
	}
}

// TestAPolicySwitchesKnownMarksOff but for kubectl's, which no hash counts.
func TestAPolicySwitchesKnownMarksOff(t *testing.T) {
	for key, passes := range map[string]bool{"cattle.io/timestamp": false, hold.RestartedAt: true} {
		patch := map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: "2026-03-01T00:00:00Z"}}}}}
		handler, req := setUp(t, casetest.Case{Request: casetest.Submission{Patch: patch}})
		handler.Policies = demand.Policies{Reader: demandtest.Cache{Policies: demandtest.Strict(func(s *v1alpha1.CanaryPolicySpec) { s.RestartMarks = []string{} })}}
		if resp := handler.Handle(t.Context(), req); (len(resp.Warnings) == 0) != passes {
			t.Errorf("%s: says %q", key, resp.Warnings)
		}
	}
}

// story is a Deployment to which one request comes after the other.
type story struct {
	t       *testing.T
	handler *Handler
	object  map[string]any
}

func newStory(t *testing.T) *story {
	handler, req := setUp(t, casetest.Case{})
	var object map[string]any
	if err := json.Unmarshal(req.OldObject.Raw, &object); err != nil {
		t.Fatal(err)
	}
	return &story{t, handler, object}
}

// patch sends a merge patch, and has stored what the answer makes of it. A user who is named as a command of
// kubectl is one with that.
func (s *story) patch(user string, patch map[string]any) {
	s.t.Helper()
	manager := "kubectl-patch"
	if strings.HasPrefix(user, "kubectl-") {
		manager = user
	}
	req := admissionRequest(casetest.Case{Request: casetest.Submission{User: user, Manager: manager}}, s.object, must(casetest.Patched(s.object, patch)))
	s.object = must(casetest.Stored(s.t.Context(), s.handler, req))
}

func marked(annotation, image string) map[string]any {
	out := map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}}}
	if annotation != "" {
		out["metadata"] = map[string]any{"annotations": map[string]any{"cattle.io/timestamp": annotation}}
	}
	return map[string]any{"spec": map[string]any{"template": out}}
}

func (s *story) view() workload.Deployment { return workload.Deployment{Object: s.object} }

// stamp is which template was let through.
func (s *story) stamp() hold.Stamp {
	stamp, _ := testKey.OpenStamp(s.view().Annotation(v1alpha1.StableAnnotation), s.view().UID())
	return stamp
}

// knownAs is the hash by which the evaluator knows what the Deployment runs.
func (s *story) knownAs() hold.Hash {
	alias := testKey.OpenAlias(s.view().Annotation(v1alpha1.RestartedAnnotation), s.view().UID())
	return alias.Resolve(must(hold.HashOf(s.view().Template())))
}

// TestARestartDuringAHoldIsReleasedWithIt: the evaluator knows the released template, by its
// stamp as what Holdfast let through and by its alias as what was tried, also after further
// restarts.
func TestARestartDuringAHoldIsReleasedWithIt(t *testing.T) {
	s := newStory(t)
	stable := s.knownAs()
	s.patch("jane", marked("", "holdfast.test/app:v2"))
	tried := must(testKey.Open(s.view().Annotation(v1alpha1.HeldAnnotation), s.view().UID())).Hash
	for _, mark := range []string{"1", "2"} {
		s.patch("rancher", map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"cattle.io/timestamp": mark}}}}})
		if s.knownAs() != stable || must(hold.HashOf(s.view().Template())) == stable {
			t.Fatalf("restarted during the hold, the template is known as %s, not %s", s.knownAs(), stable)
		}
		if !s.stamp().Covers("what others made of it", s.view().Generation()+1) {
			t.Errorf("the stamp is %+v, and the restart would be taken for an update that nobody was asked about", s.stamp())
		}
	}
	s.patch("evaluator", map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.ReleaseAnnotation: "new-hold"}}})
	metadata, _ := s.view().Template()["metadata"].(map[string]any)
	if mark := metadata["annotations"].(map[string]any)["cattle.io/timestamp"]; mark != "2" || s.view().Annotation(v1alpha1.HeldAnnotation) != "" {
		t.Errorf("released with mark %v", mark)
	}
	if stamp := s.stamp(); stamp != (hold.Stamp{Hash: must(hold.HashOf(s.view().Template()))}) {
		t.Errorf("the stamp is %+v", stamp)
	}
	if s.knownAs() != tried {
		t.Errorf("the released template is known as %s, tried as %s", s.knownAs(), tried)
	}
	s.patch("rancher", map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"cattle.io/timestamp": "3"}}}}})
	if s.knownAs() != tried {
		t.Errorf("restarted, the released template is known as %s, tried as %s", s.knownAs(), tried)
	}
	s.patch("jane", marked("4", "holdfast.test/app:v3"))
	if s.view().Annotation(v1alpha1.HeldAnnotation) == "" {
		t.Error("the next update is not held")
	}
}

// TestAHoldOfNothingButMarks that was made before they counted is still one: a request that
// leaves the template alone leaves it.
func TestAHoldOfNothingButMarks(t *testing.T) {
	s := newStory(t)
	s.patch("jane", map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"built-at": "1"}}}}})
	held := s.view().Annotation(v1alpha1.HeldAnnotation)
	s.handler.RestartMarks = []string{"built-at"}
	s.patch("jane", map[string]any{"spec": map[string]any{"replicas": 5}})
	if held == "" || s.view().Annotation(v1alpha1.HeldAnnotation) != held {
		t.Errorf("held %q, now %q", held, s.view().Annotation(v1alpha1.HeldAnnotation))
	}
}

// waits has new updates wait for the run under way.
func (s *story) waits() *story {
	s.handler.Plans = plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"default": {NewUpdates: v1alpha1.NewUpdatesWait}}}
	number := 0
	s.handler.NewID = func() string { number++; return "hold-" + strconv.Itoa(number) }
	return s
}

// record is what stands on the Deployment.
func (s *story) record() hold.Record {
	s.t.Helper()
	return must(testKey.Open(s.view().Annotation(v1alpha1.HeldAnnotation), s.view().UID()))
}

func (s *story) release(id string) {
	s.t.Helper()
	s.patch("evaluator", map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.ReleaseAnnotation: id}}})
}

func imageOf(t hold.Template) string {
	containers, _ := t["spec"].(map[string]any)["containers"].([]any)
	image, _ := containers[0].(map[string]any)["image"].(string)
	return strings.TrimPrefix(image, "holdfast.test/app:")
}

// wantHeld says which updates are held, the one that is tried first.
func (s *story) wantHeld(stable string, held ...string) {
	s.t.Helper()
	var got []string
	if s.view().Annotation(v1alpha1.HeldAnnotation) != "" {
		record := s.record()
		got = append(got, record.ID+" "+imageOf(record.Template))
		if record.Next != nil {
			got = append(got, record.Next.ID+" "+imageOf(record.Next.Template))
		}
	}
	if imageOf(s.view().Template()) != stable || !slices.Equal(got, held) {
		s.t.Fatalf("%s runs, held is %q; want %s, %q", imageOf(s.view().Template()), got, stable, held)
	}
}

// TestWhoseTurnHasComeIsHeldAsAnyOther: a request about something else leaves its record, which says what
// stands beside its template because another was to be released before it.
func TestWhoseTurnHasComeIsHeldAsAnyOther(t *testing.T) {
	s := newStory(t).waits()
	s.patch("jane", marked("", "holdfast.test/app:v2"))
	s.patch("jane", marked("", "holdfast.test/app:v3"))
	s.release("hold-1")
	s.wantHeld("v2", "hold-2 v3")
	held := s.view().Annotation(v1alpha1.HeldAnnotation)
	s.patch("jane", map[string]any{"spec": map[string]any{"replicas": 5}})
	if now := s.view().Annotation(v1alpha1.HeldAnnotation); now != held {
		t.Errorf("the record was\n%s\nand is\n%s", held, now)
	}
}

func TestANewerUpdateWaits(t *testing.T) {
	s := newStory(t).waits()
	image := func(version string) map[string]any { return marked("", "holdfast.test/app:"+version) }
	s.patch("jane", image("v2"))
	s.wantHeld("v1", "hold-1 v2")
	s.patch("jane", image("v3"))
	s.wantHeld("v1", "hold-1 v2", "hold-2 v3")
	s.patch("jane", image("v4"))
	s.wantHeld("v1", "hold-1 v2", "hold-3 v4") // the newest, and v3 is never tried
	s.patch("jane", map[string]any{"spec": map[string]any{"replicas": 5}})
	s.wantHeld("v1", "hold-1 v2", "hold-3 v4")
	s.release("hold-3") // its turn has not come
	s.wantHeld("v1", "hold-1 v2", "hold-3 v4")
	s.release("hold-1")
	s.wantHeld("v2", "hold-3 v4")
	if stamp := s.stamp(); stamp != (hold.Stamp{Hash: must(hold.HashOf(s.view().Template()))}) {
		t.Errorf("the stamp is %+v", stamp)
	}
	s.patch("jane", image("v4")) // applied again
	s.wantHeld("v2", "hold-3 v4")
	s.release("hold-3")
	s.wantHeld("v4")
}

func TestWhatEndsTheWait(t *testing.T) {
	image := func(version string) map[string]any { return marked("", "holdfast.test/app:"+version) }
	for name, tc := range map[string]struct {
		user   string
		patch  map[string]any
		stable string
		held   []string
	}{
		"the update that is tried, asked for again": {"jane", image("v2"), "v1", []string{"hold-1 v2"}},
		"the stable template":                       {"kubectl-replace", map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: nil}}, "spec": image("v1")["spec"]}, "v1", nil},
		"the record taken off by hand":              {"kubectl-annotate", map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: nil}}}, "v1", nil},
		"a skip":                                    {"jane", map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.SkipAnnotation: "hurry"}}, "spec": image("v5")["spec"]}, "v5", nil},
		"opting out, with what was asked for last":  {"jane", map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.CanaryAnnotation: "disabled"}}}, "v3", nil},
		"not a restart, which comes to the newest":  {"rancher", map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"cattle.io/timestamp": "1"}}}}}, "v1", []string{"hold-1 v2", "hold-2 v3"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t).waits()
			s.patch("jane", image("v2"))
			s.patch("jane", image("v3"))
			s.wantHeld("v1", "hold-1 v2", "hold-2 v3")
			s.patch(tc.user, tc.patch)
			s.wantHeld(tc.stable, tc.held...)
			if len(tc.held) == 2 {
				mark, _ := s.record().Next.Template["metadata"].(map[string]any)["annotations"].(map[string]any)
				if mark["cattle.io/timestamp"] != "1" {
					t.Errorf("the newest has annotations %v", mark)
				}
			}
		})
	}
}

// TestADryRunGetsNoStamp: its answer is its sender's to keep, and to put on what he brings while Holdfast is
// away.
func TestADryRunGetsNoStamp(t *testing.T) {
	s := newStory(t)
	for _, dry := range []bool{true, false} {
		req := admissionRequest(casetest.Case{Request: casetest.Submission{User: "jane"}}, s.object, must(casetest.Patched(s.object, marked("1", "holdfast.test/app:v1"))))
		req.DryRun = &dry
		stored := workload.Deployment{Object: must(casetest.Stored(t.Context(), s.handler, req))}
		if got := stored.Annotation(v1alpha1.StableAnnotation); (got == "") != dry {
			t.Errorf("dry run %v: the stamp is %q", dry, got)
		}
	}
}
