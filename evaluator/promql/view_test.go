package promql

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/query"
)

// asked is a server that keeps the queries it is asked.
type asked struct {
	mu      sync.Mutex
	queries []string
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.queries = append(a.queries, r.FormValue("query"))
	a.mu.Unlock()
	kind := "vector"
	if strings.HasSuffix(r.URL.Path, "query_range") {
		kind = "matrix"
	}
	reply200(success(kind, `[]`))(w, r)
}

func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.queries
	a.queries = nil
	return out
}

func view(t *testing.T, c *Client, namespace string) *View {
	t.Helper()
	v, err := c.View(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestQueriesOfANamespaceAreKeptToIt(t *testing.T) {
	server := &asked{}
	c := client(t, at(serve(t, server), func(e *endpoint.Definition) {
		e.Tenancy = endpoint.Tenancy{Label: "ns", Matchers: []string{`team=~"{{namespace}}|all"`}}
	}))
	shop, other := view(t, c, "shop"), view(t, c, "other")
	bound, err := c.View("shop", `cluster="a"`)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		view *View
		ask  func(*View) error
		want string
	}{
		"an instant query": {shop, func(v *View) error { _, err := v.Query(t.Context(), `topk(scalar(a), b)`, noon); return err },
			`topk(scalar(a{ns="shop",team=~"shop|all"}), b{ns="shop",team=~"shop|all"})`},
		"the same of another": {other, func(v *View) error { _, err := v.Query(t.Context(), `topk(scalar(a), b)`, noon); return err },
			`topk(scalar(a{ns="other",team=~"other|all"}), b{ns="other",team=~"other|all"})`},
		"a range": {shop, func(v *View) error {
			_, err := v.QueryRange(t.Context(), `a`, noon.Add(-time.Minute), noon, time.Minute)
			return err
		}, `a{ns="shop",team=~"shop|all"}`},
		"samples": {shop, func(v *View) error { _, err := v.QuerySamples(t.Context(), `a[1m]`, noon); return err },
			`a{ns="shop",team=~"shop|all"}[1m]`},
		"with what policies demand": {bound, func(v *View) error { _, err := v.Query(t.Context(), `a`, noon); return err },
			`a{cluster="a",ns="shop",team=~"shop|all"}`},
		"another tenant's, asked for openly": {shop, func(v *View) error { _, err := v.Query(t.Context(), `a{ns="other"}`, noon); return err },
			`a{ns="other",ns="shop",team=~"shop|all"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.ask(tc.view); err != nil {
				t.Fatal(err)
			}
			if got := server.take(); len(got) != 1 || got[0] != tc.want {
				t.Errorf("asked %q\nwant  %q", got, tc.want)
			}
		})
	}

	got, err := shop.Query(t.Context(), `info(up)`, noon)
	if err != nil || !strings.Contains(got.Error, "was not asked for namespace shop: info(…) looks up series") || len(server.take()) != 0 {
		t.Errorf("what cannot be kept to a namespace: %q, %v", got.Error, err)
	}
	if _, err := c.View(`shop",x="`); err == nil {
		t.Error("a namespace that is none got a view")
	}
}

// TestNamespacesAreNeverAskedForTogether: runs of two namespaces ask the same
// query at the same times, several rounds long, so that whatever can be shared is.
// Each request is of one namespace, and the runs within each share theirs.
func TestNamespacesAreNeverAskedForTogether(t *testing.T) {
	server := &asked{}
	c := client(t, at(serve(t, server), func(e *endpoint.Definition) { e.Tenancy.Label = "namespace" }))
	template, err := query.Parse(`sum(rate(errors_total{pod=~"x-[a-z0-9]+"}[1m]))`)
	if err != nil {
		t.Fatal(err)
	}
	text, err := template.Render(query.Values{})
	if err != nil {
		t.Fatal(err)
	}
	joined := 0
	for round := range 4 {
		when := noon.Add(time.Duration(round) * time.Minute)
		for _, namespace := range []string{"shop", "other"} {
			for _, run := range []string{"web-1-", "api-2-"} {
				if _, err := view(t, c, namespace).Query(t.Context(), strings.ReplaceAll(text, "x-", run), when); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, q := range server.take() {
			if strings.Contains(q, `namespace="shop"`) == strings.Contains(q, `namespace="other"`) {
				t.Errorf("not of one namespace: %s", q)
			}
			if strings.Contains(q, query.BatchLabel) {
				joined++
			}
		}
	}
	if joined != 2*3 { // in every round but the first, once for each
		t.Errorf("%d requests were joined", joined)
	}
}
