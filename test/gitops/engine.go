package gitops

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Engine keeps one namespace as Git says.
type Engine interface {
	// Round compares what Git says with the cluster and puts right what differs:
	// what the engine's controller does at each interval, with self-healing and
	// pruning on. Objects need no namespace; they are not changed.
	Round(ctx context.Context, git []*unstructured.Unstructured) (Round, error)
	// Sync applies what Git says whatever the comparison says: a person's click.
	Sync(ctx context.Context, git []*unstructured.Unstructured) error
	// Health is what the engine says of a Deployment.
	Health(ctx context.Context, deployment string) (Health, error)
	// Manager is the field manager the engine writes as.
	Manager() string
}

// Round is what came of one look at Git and the cluster.
type Round struct {
	// InSync: the engine found no difference, and so had nothing to do.
	InSync bool
	// Applied: the engine sent something that was no dry run.
	Applied bool
	// Difference is what the engine found, for people; "" if InSync.
	Difference string
}

// Health is how a Deployment does, and why.
type Health struct {
	State   State
	Message string
}

// State is how a Deployment does, in words that all engines have.
type State string

// The states.
const (
	Healthy     State = "Healthy"     // Argo CD: Healthy; Flux: Current
	Progressing State = "Progressing" // Argo CD: Progressing; Flux: InProgress
	Degraded    State = "Degraded"    // Argo CD: Degraded; Flux: Failed
	Missing     State = "Missing"     // Argo CD: Missing; Flux: NotFound
)
