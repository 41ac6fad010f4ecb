package webhook

import (
	"context"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NewClient makes the client of a Check and of Access. It is one of its own: a
// user waits for its answers, so they must not stand in a queue behind the
// evaluator's requests, and the warnings in them are the user's to read.
func NewClient(config *rest.Config, transport *http.Client, mapper meta.RESTMapper) (client.Client, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // without a limit; the API server has its own
	config.WarningHandlerWithContext = warningCollector{}
	c, err := client.New(config, client.Options{HTTPClient: transport, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("make client of the webhook: %w", err)
	}
	return c, nil
}

// warningCollector hands the warnings in an answer to whoever collects them in
// the context of its request.
type warningCollector struct{}

// collectedWarnings belong to one request; nothing is added once it is answered.
type collectedWarnings struct{ texts []string }

type collectedWarningsKey struct{}

func collectWarnings(ctx context.Context) (context.Context, *collectedWarnings) {
	collected := &collectedWarnings{}
	return context.WithValue(ctx, collectedWarningsKey{}, collected), collected
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (warningCollector) HandleWarningHeaderWithContext(ctx context.Context, _ int, _, text string) {
	if collected, ok := ctx.Value(collectedWarningsKey{}).(*collectedWarnings); ok {
		collected.texts = append(collected.texts, text)
	}
}
