package page

import (
	"context"
	"net/http"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page/view"
)

// Past asks for values of the metrics of a run from before those that its status has.
type Past interface {
	// Earlier are they, by metric. Its error is ErrBusy where too much is asked at once, or that of ctx.
	Earlier(ctx context.Context, run *v1alpha1.CanaryRun) ([]view.Earlier, error)
}

// earlier is what a tab adds to the charts of a run. Says is why nothing is asked at all.
type earlier struct {
	Metrics []view.Earlier `json:"metrics,omitempty"`
	Says    string         `json:"says,omitempty"`
}

const noEndpoint = "Charts begin with the last ten rounds, which the status of a run keeps; this tab adds those that it sees. Earlier values " +
	"are asked of Prometheus by Holdfast alone, and this page is served beside kubectl: open the page of the cluster to see them."

func (s *server) earlier(r *http.Request, v *Visitor) (any, error) {
	if s.Past == nil {
		return earlier{Says: noEndpoint}, nil
	}
	run, err := s.run(r, v)
	if err != nil {
		return nil, err
	}
	metrics, err := s.Past.Earlier(r.Context(), run)
	if err != nil {
		return nil, err //nolint:wrapcheck // fail asks which it is
	}
	return earlier{Metrics: metrics}, nil
}
