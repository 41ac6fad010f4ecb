package evaluatortest

import (
	"context"
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"holdfast.dev/holdfast/internal/listing"
)

// asked notes a request to the API server.
func (c *Cluster) asked(verb string, o client.Object) {
	kind := fmt.Sprintf("%T", o)
	if gvk, err := apiutil.GVKForObject(o, c.API.Scheme()); err == nil {
		kind = gvk.Kind
	}
	c.Requests = append(c.Requests, verb+" "+kind)
}

// Sent are those of some requests that change something, or ask whether they would.
func Sent(requests []string) []string {
	var out []string
	for _, r := range requests {
		if verb, _, _ := strings.Cut(r, " "); verb != "get" && verb != "list" {
			out = append(out, r)
		}
	}
	return out
}

// counting notes what is read of the API server itself.
type counting struct {
	listing.Lister
	of *Cluster
}

// Get implements client.Reader.
func (r counting) Get(ctx context.Context, name client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	r.of.mu.Lock()
	r.of.asked("get", o)
	r.of.mu.Unlock()
	return r.Lister.Get(ctx, name, o, opts...)
}

// List implements client.Reader.
func (r counting) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	kind := "?"
	if gvk, err := apiutil.GVKForObject(list, r.of.API.Scheme()); err == nil {
		kind = strings.TrimSuffix(gvk.Kind, "List")
	}
	r.of.mu.Lock()
	r.of.Requests = append(r.of.Requests, "list "+kind)
	r.of.mu.Unlock()
	return r.Lister.List(ctx, list, opts...)
}

// Each implements listing.Reader.
func (r counting) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	r.of.mu.Lock()
	r.of.Requests = append(r.of.Requests, "list "+q.Kind.Kind)
	r.of.mu.Unlock()
	return r.Lister.Each(ctx, q, visit)
}
