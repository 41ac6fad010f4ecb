// Package intent answers one question: which pod template does a request ask
// for? It is pure.
//
// While an update is held, the object in the cluster is not what its user last
// asked for, so every client computes its next request against the wrong base.
// Desired answers as if it were not.
package intent

import (
	"fmt"

	"holdfast.dev/holdfast/api/hold"
)

// Request is what must be known of an update of a Deployment.
type Request struct {
	// Stable is the pod template of the object in the cluster.
	Stable hold.Template
	// Asked is the pod template of the object in the request, after the
	// client's own merge and with the API's defaults.
	Asked hold.Template
	// Held is the held template, nil if there is none.
	Held hold.Template
	// Touched says that Asked is another template than Stable.
	Touched bool
	// Writer is who sends the request, and how.
	Writer Writer
	// RollsBack says that Asked is the template of a ReplicaSet that the
	// Deployment still owns.
	RollsBack bool
}

// Writer is how a request came to its template.
type Writer struct {
	// Way is how the client computes what it sends.
	Way Way
	// LastApplied are the pod templates in the annotation by which kubectl
	// remembers what was applied client-side, before and after the request.
	// Both may be nil. They are used for ClientSideApply only.
	LastApplied LastApplied
}

// LastApplied are the pod templates of kubectl's last-applied-configuration.
type LastApplied struct{ Before, After hold.Template }

// Way is how a client computes the template it sends.
type Way string

const (
	// ServerSideApply: the API server merged a whole manifest by the owners of
	// fields, which were put back at the hold.
	ServerSideApply Way = "ServerSideApply"
	// ClientSideApply: kubectl merged a whole manifest three ways, onto the
	// stable template.
	ClientSideApply Way = "ClientSideApply"
	// Replace: the whole object was sent.
	Replace Way = "Replace"
	// Patch: something was changed in what the client read or did not read.
	Patch Way = "Patch"
)

// Rule is by which rule the template was found.
type Rule string

// The rules, in the order in which they are tried.
const (
	RuleNoHold          Rule = "NoHold"          // what was asked for
	RuleServerSideApply Rule = "ServerSideApply" // what was asked for
	RuleReplace         Rule = "Replace"         // what was asked for
	RuleRollback        Rule = "Rollback"        // what was asked for
	RuleClientSideApply Rule = "ClientSideApply" // kubectl's three-way merge, onto the held template
	RuleUntouched       Rule = "Untouched"       // the held template
	RuleDifference      Rule = "Difference"      // the change from stable to asked, made to the held template
)

// Desired returns the pod template that a request asks for, and the rule that
// says so. It fails on templates that cannot be merged.
func Desired(r Request) (hold.Template, Rule, error) {
	switch {
	case r.Held == nil:
		return r.Asked, RuleNoHold, nil
	case r.Writer.Way == ServerSideApply:
		return r.Asked, RuleServerSideApply, nil
	case r.Writer.Way == Replace:
		return r.Asked, RuleReplace, nil
	case r.Touched && r.RollsBack:
		return r.Asked, RuleRollback, nil
	case r.Writer.Way == ClientSideApply:
		desired, err := threeWayMerge(r.Writer.LastApplied, r.Held)
		return desired, RuleClientSideApply, err
	}
	desired, err := transplant(r.Stable, r.Asked, r.Held)
	if err != nil {
		return nil, RuleDifference, err
	}
	if !r.Touched {
		return desired, RuleUntouched, nil
	}
	return desired, RuleDifference, nil
}

// WithImage is a template in which one container has another image. It fails,
// naming the containers there are, if there is none of that name; without a
// name the template must have one container only.
func WithImage(t hold.Template, container, image string) (hold.Template, error) {
	spec, _ := t["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	var names []string
	found := -1
	for i, c := range containers {
		object, _ := c.(map[string]any)
		name, _ := object["name"].(string)
		names = append(names, name)
		if name == container || container == "" && len(containers) == 1 {
			found = i
		}
	}
	if found < 0 {
		return nil, fmt.Errorf("no container is named %q; the template has %q", container, names)
	}
	out := deepCopy(t)
	object := out["spec"].(map[string]any)["containers"].([]any)[found].(map[string]any)
	object["image"] = image
	return out, nil
}
