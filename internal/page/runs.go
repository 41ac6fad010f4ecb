package page

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/decision"
	"holdfast.dev/holdfast/internal/page/view"
	"holdfast.dev/holdfast/internal/plaintext"
)

// run is the one that a question is about: of the board while it goes on, where it is as fresh and costs
// nothing, and else as the person reads it at the API server, for the board may keep little of those that
// have ended.
func (s *server) run(r *http.Request, v *Visitor) (*v1alpha1.CanaryRun, error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	run := s.Board.Run(namespace, name)
	if run == nil {
		return nil, errNoRun
	}
	if !run.Status.Phase.Ended() {
		return run, nil
	}
	return v.Person.Run(r.Context(), namespace, name) //nolint:wrapcheck // fail asks which it is
}

func (s *server) detail(r *http.Request, v *Visitor) (any, error) {
	run, err := s.run(r, v)
	if err != nil {
		return nil, err
	}
	var minReady time.Duration
	if run.Status.Phase == v1alpha1.PhaseStarting { // nothing else depends on it
		minReady = v.Person.MinReady(r.Context(), run)
	}
	return view.DetailOf(run, minReady, s.Clock.Now()), nil
}

// texts are what belongs to a run and may not be seen by who sees that: then Hidden says why.
type texts struct {
	Events     []view.Event `json:"events,omitempty"`
	Difference string       `json:"difference,omitempty"`
	Hidden     string       `json:"hidden,omitempty"`
}

func hidden(err error) (any, error) {
	if code, says := codeOf(err); code == http.StatusForbidden || code == http.StatusNotFound {
		return texts{Hidden: plaintext.Block(says, maxProblem)}, nil
	}
	return nil, err
}

func (s *server) events(r *http.Request, v *Visitor) (any, error) {
	run, err := s.run(r, v)
	if err != nil {
		return nil, err
	}
	events, err := v.Person.Events(r.Context(), run)
	if err != nil {
		return hidden(err)
	}
	return texts{Events: events}, nil
}

func (s *server) difference(r *http.Request, v *Visitor) (any, error) {
	// The template of a run by hand is not on the board of a cluster.
	run, err := v.Person.Run(r.Context(), r.PathValue("namespace"), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	text, err := v.Person.Difference(r.Context(), run)
	if err != nil {
		return hidden(err)
	}
	return texts{Difference: text}, nil
}

// rights are the verbs that a person may use on a run as it stands.
type rights struct {
	Verbs []decision.Verb `json:"verbs"`
}

func (s *server) rights(r *http.Request, v *Visitor) (any, error) {
	run, err := s.run(r, v)
	if err != nil {
		return nil, err
	}
	verbs, err := v.Person.Mays(r.Context(), run, view.Offers(run))
	if err != nil {
		return nil, err
	}
	return rights{append([]decision.Verb{}, verbs...)}, nil
}

// wish is what a person decides.
type wish struct {
	// UID is that of the run which they saw.
	UID    types.UID `json:"uid"`
	Reason string    `json:"reason"`
}

// done is what came of it.
type done struct {
	Says string `json:"says"`
}

// maxName is the longest that decidedBy of a run is, maxReason that of decisionReason, in characters.
const (
	maxName   = 100
	maxReason = 500
)

func (s *server) decide(r *http.Request, v *Visitor) (any, error) {
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("a decision has at most %d bytes", maxBody)}
	}
	var w wish
	if err := json.Unmarshal(data, &w); err != nil || w.UID == "" {
		return nil, refusal{http.StatusBadRequest, "a decision is JSON with the uid of the run that it is about"}
	}
	if len([]rune(w.Reason)) > maxReason {
		return nil, refusal{http.StatusBadRequest, fmt.Sprintf("the reason is too long; it may have %d characters", maxReason)}
	}
	verb := decision.Verb(r.PathValue("verb"))
	by := decision.Decider{Name: plaintext.Line(v.Name, maxName), Reason: w.Reason}
	says, err := v.Person.Decide(r.Context(), r.PathValue("namespace"), r.PathValue("name"), w.UID, verb, by)
	if err != nil {
		return nil, err //nolint:wrapcheck // fail asks which it is
	}
	return done{says}, nil
}
