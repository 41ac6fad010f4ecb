package listing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

var replicaSets = appsv1.SchemeGroupVersion.WithKind("ReplicaSet")

// serve is an API server that answers by a function.
func serve(t *testing.T, answer http.HandlerFunc) *Server {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(replicaSets, meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Service"), meta.RESTScopeNamespace)
	s, err := NewServer(&rest.Config{Host: server.URL, QPS: -1}, server.Client(), mapper)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, s *Server, q Query) ([]string, error) {
	t.Helper()
	var out []string
	err := s.Each(t.Context(), q, func(object []byte) error {
		o, err := Decode[struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}](object)
		out = append(out, o.Metadata.Name)
		return err
	})
	return out, err
}

func TestWhatIsAskedFor(t *testing.T) {
	for sentence, tc := range map[string]struct {
		q            Query
		path, accept string
	}{
		"whole":          {Query{Kind: replicaSets, Namespace: "shop"}, "/apis/apps/v1/namespaces/shop/replicasets", "application/json"},
		"everywhere":     {Query{Kind: replicaSets}, "/apis/apps/v1/replicasets", "application/json"},
		"a core kind":    {Query{Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: "shop"}, "/api/v1/namespaces/shop/services", "application/json"},
		"cached":         {Query{Kind: replicaSets, Namespace: "shop", Cached: true}, "/apis/apps/v1/namespaces/shop/replicasets?resourceVersion=0", "application/json"},
		"with a label":   {Query{Kind: replicaSets, Namespace: "shop", Selector: labels.SelectorFromSet(labels.Set{"a": "b"})}, "/apis/apps/v1/namespaces/shop/replicasets?labelSelector=a%3Db", "application/json"},
		"metadata alone": {Query{Kind: replicaSets, MetadataOnly: true}, "/apis/apps/v1/replicasets", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"},
	} {
		t.Run(sentence, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.String() != tc.path || r.Header.Get("Accept") != tc.accept {
					t.Errorf("asked for %s as %s", r.URL, r.Header.Get("Accept"))
				}
				fmt.Fprint(w, `{"kind":"List","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b","NAME":"c"}}]}`)
			})
			got, err := names(t, s, tc.q)
			if err != nil || !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestWhatIsNoWholeListIsAnError(t *testing.T) {
	for sentence, tc := range map[string]struct {
		answer string
		ok     bool
	}{
		"no objects":          {`{"items":[]}`, true},
		"null":                {`{"items":null,"kind":"L"}`, true},
		"no items":            {`{"kind":"L"}`, true},
		"cut in an object":    {`{"items":[{"metadata":{"name":"a"}},{"meta`, false},
		"cut between objects": {`{"items":[{"metadata":{"name":"a"}}`, false},
		"cut behind them":     {`{"items":[{"metadata":{"name":"a"}}]`, false},
		"nothing":             {``, false},
		"a list":              {`[]`, false},
		"a page":              {`<html>`, false},
		"items of no list":    {`{"items":{}}`, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := names(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tc.answer) }), Query{Kind: replicaSets})
			if (err == nil) != tc.ok {
				t.Errorf("got error %v", err)
			}
		})
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	if _, err := names(t, s, Query{Kind: replicaSets}); err == nil {
		t.Error("a refusal is no error")
	}
	if _, err := names(t, s, Query{Kind: schema.GroupVersionKind{Kind: "Other"}}); err == nil {
		t.Error("an unknown kind is no error")
	}
}

// list writes a list of n objects with this much in each.
func list(w http.ResponseWriter, n, size int) {
	fmt.Fprint(w, `{"items":[`)
	text := strings.Repeat("x", size)
	for i := range n {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `{"metadata":{"name":"o-%d","annotations":{"a":"%s"}}}`, i, text)
	}
	fmt.Fprint(w, `]}`)
}

// TestAListTakesLittleMemory: one of 100 MiB takes a few.
func TestAListTakesLittleMemory(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { list(w, 100, 1<<20) })
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, n := heap(), uint64(0), 0
	err := s.Each(t.Context(), Query{Kind: replicaSets, Most: NoLimit}, func([]byte) error {
		if n++; n%10 == 0 {
			most = max(most, heap())
		}
		return nil
	})
	if err != nil || n != 100 {
		t.Fatalf("%d objects, error %v", n, err)
	}
	if grown := most - min(before, most); grown > 16<<20 {
		t.Errorf("it takes %d MiB", grown>>20)
	}
}

func TestAListThatIsTooLongIsNotRead(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { list(w, 1000, 1<<10) })
	for most, ok := range map[int64]bool{100 << 10: false, 2 << 20: true, 0: true, NoLimit: true} {
		got, err := names(t, s, Query{Kind: replicaSets, Most: most})
		if ok != (err == nil) || !ok && !errors.Is(err, ErrTooMuch) || ok && len(got) != 1000 {
			t.Errorf("of %d bytes: %d objects, error %v", most, len(got), err)
		}
	}
}

func TestAListThatTakesTooLongIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{large: semaphore.NewWeighted(largeAtOnce)}
		text := `{"items":[` + strings.Repeat(`{"a":"`+strings.Repeat("x", 10<<10)+`"},`, 100) + `{}]}`
		n := 0
		err := s.read(t.Context(), strings.NewReader(text), Query{Until: time.Now().Add(time.Second)}, func([]byte) error {
			n++
			time.Sleep(50 * time.Millisecond) // it takes this long to look at one
			return nil
		})
		if !errors.Is(err, ErrTooMuch) || n < 20 || n > 100 {
			t.Errorf("%d objects were looked at, and it says %v", n, err)
		}
	})
}

// TestLargeObjectsWaitForTheirTurn, and keep no list waiting that has none.
func TestLargeObjectsWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{large: semaphore.NewWeighted(largeAtOnce)}
		object := func(size int) string { return fmt.Sprintf(`{"items":[{"a":%q}]}`, strings.Repeat("x", size)) }
		ctx, cancel := context.WithCancel(t.Context())
		var seen atomic.Int32
		leave := make(chan struct{})
		for range largeAtOnce + 1 {
			go func() {
				_ = s.read(ctx, strings.NewReader(object(2*smallObject)), Query{Most: NoLimit}, func([]byte) error {
					seen.Add(1)
					<-leave
					return nil
				})
			}()
		}
		synctest.Wait()
		if n := seen.Load(); n != largeAtOnce {
			t.Errorf("%d lists with large objects are read at once", n)
		}
		if err := s.read(ctx, strings.NewReader(object(smallObject/2)), Query{Most: NoLimit}, func([]byte) error { return nil }); err != nil {
			t.Errorf("a list of small objects: %v", err)
		}
		leave <- struct{}{}
		synctest.Wait()
		if seen.Load() != largeAtOnce+1 {
			t.Error("a turn is not given back")
		}
		start := time.Now()
		err := s.read(ctx, strings.NewReader(object(2*smallObject)), Query{Until: start.Add(time.Second)}, func([]byte) error { return nil })
		if !errors.Is(err, ErrTooMuch) || time.Since(start) != time.Second {
			t.Errorf("after %s without a turn it says %v", time.Since(start), err)
		}
		close(leave)
		synctest.Wait()
		held := s.large.TryAcquire(largeAtOnce)
		if !held {
			t.Error("turns are lost")
		}
		done := make(chan error, 1)
		go func() {
			done <- s.read(ctx, strings.NewReader(object(2*smallObject)), Query{Most: NoLimit}, func([]byte) error { return nil })
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits for it any more, and it says %v", err)
		}
	})
}
