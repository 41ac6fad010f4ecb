package around

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/listing"
)

// TestServicesWithoutEndAreNotKept, and keep no run from its verdict.
func TestServicesWithoutEndAreNotKept(t *testing.T) {
	l := &Looks{Objects: &objects.Reader{Live: endless{}}}
	services, err := l.servicesIn(t.Context(), "shop", time.Unix(0, 0), 0)
	if err != nil || services.all != nil || !services.tooMany {
		t.Errorf("%d Services, error %v", len(services.all), err)
	}
}

// endless is an API server with many large Services.
type endless struct{ listing.Lister }

func (endless) Each(_ context.Context, _ listing.Query, visit func([]byte) error) error {
	for range 1000 {
		if err := visit([]byte(`{"metadata":{"name":"a"},"spec":{"selector":{"a":"` + strings.Repeat("x", 1<<10) + `"}}}`)); err != nil {
			return err
		}
	}
	return nil
}
