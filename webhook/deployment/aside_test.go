package deployment

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

func TestAPanicAsideIsThatOfWhoeverWaits(t *testing.T) {
	aside(func() int { panic("nobody waits for this") })
	wait := aside(func() int { panic("the cause") })
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "the cause") {
			t.Errorf("the panic is %q", p)
		}
	}()
	wait()
}

// questions is an API server that keeps what it is asked, and says so to whoever waits.
type questions struct {
	listing.Lister
	mu   sync.Mutex
	what []string
	more *sync.Cond
}

func listen(reader listing.Lister) *questions {
	a := &questions{Lister: reader}
	a.more = sync.NewCond(&a.mu)
	return a
}

func (a *questions) add(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.what = append(a.what, what)
	a.more.Broadcast()
}

// waitFor waits until all of these were asked.
func (a *questions) waitFor(what ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer time.AfterFunc(answerTimeout/2, func() { a.add("too late") }).Stop()
	for !containsAll(a.what, what) && !slices.Contains(a.what, "too late") {
		a.more.Wait()
	}
}

func containsAll(list, of []string) bool {
	return !slices.ContainsFunc(of, func(one string) bool { return !slices.Contains(list, one) })
}

func (a *questions) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	a.add("get " + object.GetObjectKind().GroupVersionKind().Kind)
	return a.Lister.Get(ctx, key, object, options...)
}

func (a *questions) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	what := "list " + q.Kind.Kind
	if q.MetadataOnly {
		what += " metadata"
	}
	a.add(what)
	return a.Lister.Each(ctx, q, visit)
}

// TestAnUpdateIsCheckedWhileTheRestIsAsked: a user waits for the slowest answer, and not for all of them.
// Nothing is asked twice.
func TestAnUpdateIsCheckedWhileTheRestIsAsked(t *testing.T) {
	handler, req := setUp(t, asking(casetest.Case{}, map[string]any{"v": "2"}))
	server := listen(handler.History.Reader)
	handler.History.Reader = server
	handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
		server.waitFor("get CanaryRun", "list Service")
		server.add("update")
		return nil
	})
	if resp := handler.Handle(t.Context(), req); !resp.Allowed || len(resp.Warnings) == 0 || !strings.Contains(resp.Warnings[0], "update held") {
		t.Fatalf("the answer is %+v", resp)
	}
	slices.Sort(server.what)
	want := []string{"get CanaryRun", "list ReplicaSet", "list ReplicaSet metadata", "list Service", "update"}
	if !slices.Equal(server.what, want) {
		t.Errorf("asked was for %v, want %v", server.what, want)
	}
}

// TestATemplateIsCheckedWhileItsRevisionsAreRead: the longest answer is waited for from the start.
func TestATemplateIsCheckedWhileItsRevisionsAreRead(t *testing.T) {
	handler, req := setUp(t, asking(casetest.Case{}, map[string]any{"v": "2"}))
	checked := make(chan struct{})
	handler.History.Reader = after{handler.History.Reader, checked}
	handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
		close(checked) // a second time it panics
		return nil
	})
	if resp := handler.Handle(t.Context(), req); !resp.Allowed || len(resp.Warnings) == 0 || !strings.Contains(resp.Warnings[0], "update held") {
		t.Errorf("the answer is %+v", resp)
	}
}

// after is an API server that lists nothing before something else has come.
type after struct {
	listing.Lister
	came chan struct{}
}

func (a after) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	select {
	case <-a.came:
		return a.Lister.Each(ctx, q, visit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestWhatIsMostlyNotHeldIsNotCheckedAhead: nothing is asked in vain for a restart or a skip.
func TestWhatIsMostlyNotHeldIsNotCheckedAhead(t *testing.T) {
	labels := map[string]any{"v": "2"}
	for name, patch := range map[string]map[string]any{
		"a restart": {"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{hold.RestartedAt: "2026-11-30T10:00:00Z"}}}}},
		"a skip": {
			"metadata": map[string]any{"annotations": map[string]any{v1alpha1.SkipAnnotation: "because"}},
			"spec":     map[string]any{"template": map[string]any{"metadata": map[string]any{"labels": labels}}},
		},
	} {
		handler, req := setUp(t, casetest.Case{Request: casetest.Submission{Patch: patch}})
		handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
			t.Errorf("%s was checked", name)
			return nil
		})
		if resp := handler.Handle(t.Context(), req); !resp.Allowed {
			t.Errorf("%s: %+v", name, resp)
		}
	}
}

// TestAnUpdateThatIsRefusedWaitsForNothingElse: what was asked for in vain is not waited for.
func TestAnUpdateThatIsRefusedWaitsForNothingElse(t *testing.T) {
	handler, req := setUp(t, asking(casetest.Case{}, map[string]any{"v": "2"}))
	ended := make(chan error, 1)
	handler.History.Reader = unending{handler.History.Reader, ended}
	handler.Check.Updater = refusing(422, "no")
	start := time.Now()
	if resp := handler.Handle(t.Context(), req); resp.Allowed || time.Since(start) > answerTimeout/2 {
		t.Errorf("the answer is %+v", resp)
	}
	if err := <-ended; err == nil {
		t.Error("what is asked in vain goes on")
	}
}

// unending is an API server that never says which Services there are.
type unending struct {
	listing.Lister
	ended chan error
}

func (u unending) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Kind != "Service" {
		return u.Lister.Each(ctx, q, visit)
	}
	<-ctx.Done()
	u.ended <- ctx.Err()
	return ctx.Err()
}
