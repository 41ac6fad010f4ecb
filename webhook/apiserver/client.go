// Package apiserver asks the API server what a request must know while its user waits.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/internal/listing"
)

// Client asks the API server what the webhook must know: what it makes of a template,
// which revisions there are, what a user may do. None of that is the worse for being
// asked twice, so what got no answer is asked once more: when an API server ends, or
// what stands in front of it, connections break under requests that would be answered
// over the next. An error is an answer too.
type Client struct {
	client client.Client
	lists  *listing.Server
}

// New makes a Client. It is a client of its own: a user waits for its answers, so
// they must not stand in a queue behind the evaluator's requests, and the warnings
// in them are the user's to read.
func New(config *rest.Config, transport *http.Client, mapper meta.RESTMapper, scheme *runtime.Scheme) (*Client, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // without a limit; the API server has its own
	config.WarningHandlerWithContext = warningCollector{}
	c, err := client.New(config, client.Options{HTTPClient: transport, Mapper: mapper, Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make client of the webhook: %w", err)
	}
	lists, err := listing.NewServer(config, transport, mapper)
	if err != nil {
		return nil, err
	}
	return &Client{c, lists}, nil
}

// Get implements client.Reader.
func (a *Client) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return Insist(ctx, func() error { return a.client.Get(ctx, key, object, options...) })
}

// List implements client.Reader.
func (a *Client) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return Insist(ctx, func() error { return a.client.List(ctx, list, options...) })
}

// Each implements listing.Lister. It asks once: whoever asks has seen a part of the list.
func (a *Client) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	return a.lists.Each(ctx, q, visit)
}

// Create asks what a user may do.
func (a *Client) Create(ctx context.Context, review client.Object, options ...client.CreateOption) error {
	return Insist(ctx, func() error { return a.client.Create(ctx, review, options...) })
}

// Update is for dry runs.
func (a *Client) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	return Insist(ctx, func() error { return a.client.Update(ctx, object, options...) })
}

// Patch is for patches that may be applied twice.
func (a *Client) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	return Insist(ctx, func() error { return a.client.Patch(ctx, object, patch, options...) })
}

// Insist asks once more what got no answer while there is time.
func Insist(ctx context.Context, ask func() error) error {
	err := ask()
	if answered := apierrors.APIStatus(nil); err == nil || ctx.Err() != nil || errors.As(err, &answered) || errors.Is(err, listing.ErrTooMuch) {
		return err
	}
	return ask()
}

// warningCollector hands the warnings in an answer to whoever collects them in
// the context of its request.
type warningCollector struct{}

// Warnings belong to one request; nothing is added once it is answered.
type Warnings struct{ Texts []string }

type warningsKey struct{}

// CollectWarnings collects the warnings in the answers to requests with the context.
func CollectWarnings(ctx context.Context) (context.Context, *Warnings) {
	collected := &Warnings{}
	return context.WithValue(ctx, warningsKey{}, collected), collected
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (warningCollector) HandleWarningHeaderWithContext(ctx context.Context, _ int, _, text string) {
	if collected, ok := ctx.Value(warningsKey{}).(*Warnings); ok {
		collected.Texts = append(collected.Texts, text)
	}
}
