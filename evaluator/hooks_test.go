package evaluator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/evaluator/gates"
)

// hookServer answers questions by the path that they come to, each path with its words in turn, the last one
// from then on; the same question gets the same answer, as its ID tells it.
type hookServer struct {
	mu    sync.Mutex
	words map[string][]int
	said  map[string]int
	// asked are the IDs of questions by path, in their order, each once however often it was put; times is how
	// often all were.
	asked map[string][]string
	times int
}

func (s *hookServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var payload struct{ Holdfast struct{ ID, Type string } }
	if err := json.NewDecoder(r.Body).Decode(&payload); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.times++
	id := payload.Holdfast.ID
	code, again := s.said[id]
	if isGate := v1alpha1.HookType(payload.Holdfast.Type).IsGate(); !again || isGate {
		if words := s.words[r.URL.Path]; len(words) > 0 {
			code = words[0]
			if len(words) > 1 {
				s.words[r.URL.Path] = words[1:]
			}
		} else {
			code = http.StatusOK
		}
		s.said[id] = code
	}
	if !slices.Contains(s.asked[r.URL.Path], id) {
		s.asked[r.URL.Path] = append(s.asked[r.URL.Path], id)
	}
	w.WriteHeader(code)
}

// hooked is a cluster whose plan has a hook of each type, which are asked of a server.
func hooked(t *testing.T, words map[string][]int) (*evaluatortest.Cluster, *hookServer) {
	t.Helper()
	s := &hookServer{words: words, said: map[string]int{}, asked: map[string][]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c := evaluatortest.NewCluster(t)
	var plan v1alpha1.CanaryPlan
	c.Must(c.API.Get(t.Context(), evaluatortest.Request(evaluatortest.Namespace, "default").NamespacedName, &plan))
	for _, moment := range v1alpha1.HookTypes {
		path := strings.ToLower(string(moment))
		if _, named := words["/"+path]; named {
			plan.Spec.Hooks = append(plan.Spec.Hooks, v1alpha1.Hook{Name: path, Type: moment, URL: server.URL + "/" + path})
		}
	}
	plan.Spec.SetDefaults()
	c.Must(c.API.Update(t.Context(), &plan))
	c.Another(withHooks)
	return c, s
}

func withHooks(o *evaluator.Options) { o.Hooks = gates.Settings{Hosts: []string{"127.0.0.1:*"}} }

func yes() []int { return []int{http.StatusOK} }

// A run asks each hook at its moment, and goes on when it says yes.
func TestARunAsksItsHooks(t *testing.T) {
	c, s := hooked(t, map[string][]int{
		"/confirmrollout": {403, 403, 200}, "/prerollout": {500, 200}, "/rollout": yes(), "/rollback": {403}, "/confirmpromotion": {403, 204}, "/postrollout": {500},
	})
	c.Hold()
	c.Passes(2)
	if run := c.Run(); run.Status.Reason != v1alpha1.ReasonGateClosed || !strings.Contains(run.Status.Message, "hook confirmrollout (ConfirmRollout)") || c.Canaries() != 0 {
		t.Errorf("the run is %s/%s: %s", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
	c.Passes(40)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseReleased {
		t.Fatalf("the run is %s/%s: %s", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
	for path, want := range map[string]int{"/confirmrollout": 1, "/prerollout": 2, "/confirmpromotion": 1, "/postrollout": 1} {
		if got := s.asked[path]; len(got) != want || !strings.HasPrefix(got[0], string(run.UID)+"/1/"+path[1:]) {
			t.Errorf("%s was asked %v", path, got)
		}
	}
	if rounds := int(run.Status.Measured); len(s.asked["/rollout"]) != rounds || len(s.asked["/rollback"]) != rounds {
		t.Errorf("%d and %d questions in %d rounds", len(s.asked["/rollout"]), len(s.asked["/rollback"]), rounds)
	}
	c.WantEvents("Held", "GateClosed", "GateOpened", "CanaryStarted", "HookFailed", "HookPassed", "CanaryReady", "GateClosed", "GateOpened", "Passed", "Released", "RolledOut", "HookFailed")
	if n := c.Count("holdfast_hook_answers_total", "No"); n == 0 {
		t.Error("no answer was counted")
	}
}

// Without an administrator's word no hook is asked, and nothing is released that one has to confirm.
func TestHooksAreOff(t *testing.T) {
	c, s := hooked(t, map[string][]int{"/confirmpromotion": yes()})
	c.Another(nil)
	c.Hold()
	c.Passes(25)
	if run := c.Run(); run.Status.Reason != v1alpha1.ReasonGateClosed || !strings.Contains(run.Status.Message, "--hook-hosts") || s.times > 0 {
		t.Errorf("the run is %s/%s: %s; asked %d times", run.Status.Phase, run.Status.Reason, run.Status.Message, s.times)
	}
}

// A policy of the namespace narrows down who is asked, for runs under way too.
func TestAPolicyNarrowsHooksDown(t *testing.T) {
	c, s := hooked(t, map[string][]int{"/confirmpromotion": {403, 403, 403, 403, 200}})
	c.Hold()
	for c.Passes(1); c.Run().Status.Reason != v1alpha1.ReasonGateClosed; c.Passes(1) {
	}
	policy := &v1alpha1.CanaryPolicy{Spec: v1alpha1.CanaryPolicySpec{Hooks: v1alpha1.PolicyHooks{Hosts: []string{"gate.{{namespace}}.svc"}}}}
	policy.Name = "tenants"
	c.Must(c.API.Create(t.Context(), policy))
	c.Passes(2)
	before := s.times
	c.Passes(10)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhasePaused || !strings.Contains(run.Status.Hook("confirmpromotion").Message, "403") && !strings.Contains(run.Status.Message, "CanaryPolicy tenants") || s.times != before {
		t.Errorf("the run is %s/%s: %s; asked %d times, then %d", run.Status.Phase, run.Status.Reason, run.Status.Message, before, s.times)
	}
}

// Killed at any write, or cut off from its answer, a run with hooks comes to the same end, and asks no other
// questions: some again, which the ID tells.
func TestHooksCutOffAtAnyWrite(t *testing.T) {
	for name, words := range map[string]map[string][]int{
		"released": {"/confirmrollout": {403, 200}, "/prerollout": {500, 200}, "/confirmpromotion": {403, 200}, "/postrollout": yes()},
		"refused":  {"/prerollout": {500}, "/postrollout": {500}},
		"undone":   {"/confirmpromotion": {403}, "/rollback": {403, 403, 403, 403, 403, 403, 200}, "/postrollout": yes()},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				course := func(failAt int) (*evaluatortest.Cluster, *hookServer) {
					copied := map[string][]int{}
					for path, codes := range words {
						copied[path] = slices.Clone(codes)
					}
					c, s := hooked(t, copied)
					c.BeforeWrite = func() {
						if c.Writes == failAt { // who was cut off is not the one who goes on
							c.Another(withHooks)
						}
					}
					c.FailAt, c.Lost = failAt, lost
					c.Hold()
					c.Passes(35)
					return c, s
				}
				want, asked := course(0)
				if want.Writes < 8 || !want.Run().Status.Phase.Ended() {
					t.Fatalf("undisturbed: %d writes: %+v", want.Writes, summary(want))
				}
				for failAt := range evaluatortest.Cuts(want.Writes) {
					got, again := course(failAt)
					if diff := cmp.Diff(summary(want), summary(got)); diff != "" {
						t.Errorf("write %d of %d, answer lost %t: -want +got:\n%s", failAt, want.Writes, lost, diff)
					}
					for path, ids := range asked.asked {
						if path == "/rollback" || path == "/rollout" { // of rounds, whose times depend on when the canary was Ready
							continue
						}
						if len(again.asked[path]) != len(ids) {
							t.Errorf("write %d, answer lost %t: %s was asked %v, undisturbed %v", failAt, lost, path, again.asked[path], ids)
						}
					}
				}
			})
		}
	}
}
