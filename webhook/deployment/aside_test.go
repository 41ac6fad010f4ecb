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
