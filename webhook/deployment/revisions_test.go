package deployment

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// tooMuch is an API server of which some lists of ReplicaSets are too long to be read.
type tooMuch struct {
	listing.Lister
	metadata, whole bool
}

func (b tooMuch) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.MetadataOnly && b.metadata || !q.MetadataOnly && b.whole {
		return listing.ErrTooMuch
	}
	return b.Lister.Each(ctx, q, visit)
}

// TestARevisionThatMayBeOverlookedIsNeverReleased: it is held like a new template, and
// while another one is held nothing is guessed.
func TestARevisionThatMayBeOverlookedIsNeverReleased(t *testing.T) {
	held := newTemplate()
	held.Held = map[string]any{"metadata": map[string]any{"labels": map[string]any{"v": "3"}}}
	set := held
	set.Request.Manager = "kubectl-set"
	for sentence, tc := range map[string]struct {
		c        casetest.Case
		held     bool
		answered string
	}{
		"nothing is held":                       {newTemplate(), true, "counts as a new template"},
		"an update is held":                     {held, false, "cannot be told whether this rolls Deployment web back"},
		"an update is held, and a field is set": {set, true, "counts as a new template"},
	} {
		for why, server := range map[string]tooMuch{
			"metadata": {metadata: true}, "templates": {whole: true},
		} {
			for _, failClosed := range []bool{true, false} {
				t.Run(fmt.Sprint(sentence, ", too large are the ", why, ", fails closed ", failClosed), func(t *testing.T) {
					handler, req := setUp(t, tc.c)
					server.Lister = handler.History.Reader
					handler.History.Reader, handler.FailClosed = server, failClosed
					resp := handler.Handle(t.Context(), req)
					said := strings.Join(resp.Warnings, "\n")
					if resp.Result != nil {
						said += resp.Result.Message
					}
					if resp.Allowed != tc.held || !strings.Contains(said, tc.answered) || !strings.Contains(said, "revisionHistoryLimit") {
						t.Errorf("allowed is %v; it says: %s", resp.Allowed, said)
					}
					if tc.held && !strings.Contains(said, "update held") {
						t.Errorf("it is not held; it says: %s", said)
					}
				})
			}
		}
	}
}

// allTaken is an API server that has every run that is asked for.
type allTaken struct{ listing.Lister }

func (allTaken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return nil
}

func TestNamesOfRunsAreNotLookedForWithoutEnd(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.History.Reader = allTaken{handler.History.Reader}
	if resp := handler.Handle(t.Context(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "delete those that you need no more") {
		t.Errorf("got %+v", resp)
	}
}
