package apiserver

import (
	"context"
	"errors"
	"net/http"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// flaky is an API server whose answers are these errors, one after the other.
type flaky struct {
	client.Client
	answers []error
	asked   int
}

func (f *flaky) answer() error {
	f.asked++
	return f.answers[f.asked-1]
}

func (f *flaky) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return f.answer()
}

func (f *flaky) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return f.answer()
}

func (f *flaky) Create(context.Context, client.Object, ...client.CreateOption) error {
	return f.answer()
}

func (f *flaky) Update(context.Context, client.Object, ...client.UpdateOption) error {
	return f.answer()
}

func (f *flaky) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	return f.answer()
}

func TestWhatGotNoAnswerIsAskedOnceMore(t *testing.T) {
	lost := errors.New("http2: client connection force closed via ClientConn.Close")
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "web", errors.New("no"))
	ended, end := context.WithCancel(t.Context())
	end()
	for name, ask := range map[string]func(context.Context, *Client) error{
		"get": func(ctx context.Context, a *Client) error {
			return a.Get(ctx, client.ObjectKey{}, &appsv1.Deployment{})
		},
		"list":   func(ctx context.Context, a *Client) error { return a.List(ctx, &appsv1.DeploymentList{}) },
		"create": func(ctx context.Context, a *Client) error { return a.Create(ctx, &appsv1.Deployment{}) },
		"patch":  func(ctx context.Context, a *Client) error { return a.Patch(ctx, &appsv1.Deployment{}, nil) },
		"update": func(ctx context.Context, a *Client) error {
			return a.Update(ctx, &appsv1.Deployment{}, client.DryRunAll)
		},
	} {
		for reason, tc := range map[string]struct {
			ctx     context.Context
			answers []error
			want    error
			asked   int
		}{
			"an answer is enough":             {t.Context(), []error{nil}, nil, 1},
			"a connection was lost":           {t.Context(), []error{lost, nil}, nil, 2},
			"two were":                        {t.Context(), []error{lost, lost}, lost, 2},
			"an error is an answer":           {t.Context(), []error{refused}, refused, 1},
			"nobody waits for it any more":    {ended, []error{lost}, lost, 1},
			"the second answer is the answer": {t.Context(), []error{lost, refused}, refused, 2},
		} {
			t.Run(name+": "+reason, func(t *testing.T) {
				server := &flaky{answers: tc.answers}
				if err := ask(tc.ctx, &Client{client: server}); !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
				if server.asked != tc.asked {
					t.Errorf("it was asked %d times, want %d", server.asked, tc.asked)
				}
			})
		}
	}
}

func TestTheKindsThatAreReadAreKnown(t *testing.T) {
	a, err := New(&rest.Config{}, http.DefaultClient, meta.NewDefaultRESTMapper(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []client.Object{&v1alpha1.CanaryPlan{}, &v1alpha1.CanaryRun{}, &authorizationv1.SubjectAccessReview{}} {
		if _, err := a.client.GroupVersionKindFor(kind); err != nil {
			t.Error(err)
		}
	}
}
