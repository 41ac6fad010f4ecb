package uninstall

import (
	"context"
	"errors"
	"io"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// TestListsAreReadInSmallPages: a page of the largest objects fits into memory, and
// no list is asked of the API server's cache, which knows no pages.
func TestListsAreReadInSmallPages(t *testing.T) {
	asked := 0
	api := fake.NewClientBuilder().WithScheme(testScheme(t)).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			o := (&client.ListOptions{}).ApplyOptions(options)
			most := int64(page)
			if list.GetObjectKind().GroupVersionKind().Kind == "ConfigMapList" {
				most = pageOfConfigMaps
			}
			if asked++; o.Limit < 1 || o.Limit > most || o.Raw != nil && o.Raw.ResourceVersion != "" {
				t.Errorf("%T is asked for with %+v", list, o)
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
	e := &ending{Client: api, out: io.Discard}
	if err := errors.Join(e.forgetStamps(t.Context()), e.endHolds(t.Context()), e.endRuns(t.Context()), e.takeFinalizers(t.Context()), e.awaitNoCanaries(t.Context())); err != nil {
		t.Fatal(err)
	}
	if asked != 6 {
		t.Errorf("%d lists were asked for", asked)
	}
}
