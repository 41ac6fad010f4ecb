// Package compare says in what a route over which a share is laid differs from its twin, which is written by
// the same commands and over which nobody lays anything: what the API server made of that is what the user
// asked for. It is pure.
package compare

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/test/oracle/routes/httproute"
)

// Aspect is in what the two differ.
type Aspect string

// The aspects.
const (
	ExitCode  Aspect = "ExitCode"  // one command succeeded, the other failed
	Presence  Aspect = "Presence"  // there is one route only
	Record    Aspect = "Record"    // the record on the route does not open
	Spec      Aspect = "Spec"      // something else is asked for
	Metadata  Aspect = "Metadata"  // other labels, annotations, finalizers
	Ownership Aspect = "Ownership" // other owners of fields
	Share     Aspect = "Share"     // what is laid over the rules is not the share of the canary
	Unlaid    Aspect = "Unlaid"    // a run has a share, and it is not on the route
	Left      Aspect = "Left"      // no run has a share, and there is one on the route
	Touched   Aspect = "Touched"   // nothing was asked for, and the route has another version
)

// Difference is one that was found; the zero value is none. Detail is for people: (-) is the twin, (+) the
// route.
type Difference struct {
	Aspect Aspect
	Detail string
}

// Found says whether there is a difference.
func (d Difference) Found() bool { return d.Aspect != "" }

// Object is a route as JSON, nil where there is none.
type Object = map[string]any

// View is a route at a time.
type View struct {
	Object Object
	// Record is that of the overlay on it, nil without one.
	Record *route.Record
	// Broken is why its record does not open.
	Broken string
	// Namespace is where it is.
	Namespace string
}

// Version is its resourceVersion, "" where there is no route.
func (v View) Version() string {
	metadata, _ := v.Object["metadata"].(Object)
	version, _ := metadata["resourceVersion"].(string)
	return version
}

// Pair is the same of both.
type Pair[T any] struct{ Twin, Laid T }

// Compare says in what the route, as its user asks for it, differs from the twin; and whether what is laid
// over it is the share that its record says.
func Compare(now Pair[View]) Difference {
	twin, laid := now.Twin, now.Laid
	switch {
	case (twin.Object == nil) != (laid.Object == nil):
		return Difference{Presence, fmt.Sprintf("- %v\n+ %v\n", twin.Object != nil, laid.Object != nil)}
	case twin.Object == nil:
		return Difference{}
	case laid.Broken != "":
		return Difference{Record, laid.Broken + "\n"}
	}
	if laid.Record != nil {
		if why := shared(*laid.Record, httproute.Rules(laid.Object)); why != "" {
			return Difference{Share, why + "\n"}
		}
	}
	return differ(normal(twin), normal(laid))
}

// differ says in what two normal routes differ.
func differ(want, got Object) Difference {
	remembered := kubectlRemembersAShare(got)
	for _, part := range []struct {
		aspect Aspect
		of     func(Object) any
	}{
		{Spec, func(o Object) any { return o["spec"] }},
		{Metadata, func(o Object) any { return metadata(o, remembered) }},
		{Ownership, owners},
	} {
		if diff := cmp.Diff(part.of(want), part.of(got)); diff != "" {
			return Difference{part.aspect, diff}
		}
	}
	return Difference{}
}

// normal is what of a route is its user's, without what differs by its place.
func normal(v View) Object {
	o := runtime.DeepCopyJSON(v.Object)
	if v.Record != nil {
		spec, _ := o["spec"].(Object)
		delete(spec, "rules")
		if v.Record.Rules != nil {
			spec["rules"] = v.Record.Rules
		}
		meta, _ := o["metadata"].(Object)
		annotations, _ := meta["annotations"].(Object)
		delete(annotations, v1alpha1.OverlayAnnotation)
		if len(annotations) == 0 {
			delete(meta, "annotations")
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // it was JSON before
	}
	out, err := httproute.Decode([]byte(strings.ReplaceAll(string(text), v.Namespace, "NAMESPACE")))
	if err != nil {
		panic(err) // as above
	}
	return out
}

// lastApplied is what kubectl remembers of a client-side apply.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// kubectlRemembersAShare says whether a text was applied that was read with a share on it.
func kubectlRemembersAShare(o Object) bool {
	meta, _ := o["metadata"].(Object)
	annotations, _ := meta["annotations"].(Object)
	text, _ := annotations[lastApplied].(string)
	return strings.Contains(text, httproute.Name+"-canary-")
}

func metadata(o Object, remembered bool) any {
	meta, _ := o["metadata"].(Object)
	out := Object{}
	for field, value := range meta {
		if !slices.Contains([]string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}, field) {
			out[field] = value
		}
	}
	if annotations, is := out["annotations"].(Object); is && remembered {
		delete(annotations, lastApplied)
	}
	return out
}

// owners are the entries of managedFields without their times, in an order of their own.
func owners(o Object) any {
	meta, _ := o["metadata"].(Object)
	entries, _ := meta["managedFields"].([]any)
	out := Object{}
	for _, e := range entries {
		entry, _ := e.(Object)
		key := fmt.Sprintf("%v %v %v %v", entry["manager"], entry["operation"], entry["apiVersion"], entry["subresource"])
		out[key] = entry["fieldsV1"]
	}
	return out
}

// shared says why rules are not those of a record with its share laid over them, "" if they are. Of each rule
// the user's backends come first, in their proportions; the canary's copies follow, each with its part of
// what its giver had.
func shared(record route.Record, laid []any) string {
	if len(laid) != len(record.Rules) {
		return fmt.Sprintf("there are %d rules, and %d are asked for", len(laid), len(record.Rules))
	}
	for i, asked := range record.Rules {
		if why := sharedRule(record, asked, laid[i]); why != "" {
			return fmt.Sprintf("rule %d: %s:\n- %v\n+ %v", i, why, asked, laid[i])
		}
	}
	return ""
}

func sharedRule(record route.Record, asked, laid any) string {
	want, got := httproute.Backends(asked), httproute.Backends(laid)
	if diff := cmp.Diff(without(asked, "backendRefs"), without(laid, "backendRefs")); diff != "" {
		return diff
	}
	var givers []int
	for i, b := range want {
		if httproute.NameOf(b) == record.Service && httproute.WeightOf(b) > 0 {
			givers = append(givers, i)
		}
	}
	if record.Percent == 0 || len(givers) == 0 {
		return cmp.Diff(want, got)
	}
	if len(got) != len(want)+len(givers) {
		return fmt.Sprintf("it has %d backends, want %d and %d of the canary", len(got), len(want), len(givers))
	}
	whole := make([]int64, len(want))
	for i, b := range want {
		if diff := cmp.Diff(without(b, "weight"), without(got[i], "weight")); diff != "" {
			return diff
		}
		whole[i] = httproute.WeightOf(got[i])
	}
	for n, i := range givers {
		canary := got[len(want)+n]
		copied := without(want[i], "weight")
		copied["name"] = record.Canary
		if diff := cmp.Diff(copied, without(canary, "weight")); diff != "" {
			return diff
		}
		share := httproute.WeightOf(canary)
		whole[i] += share
		if share*100 != whole[i]*record.Percent {
			return fmt.Sprintf("%d of %d is not %d %%", share, whole[i], record.Percent)
		}
	}
	return proportions(want, whole)
}

// proportions says why weights have not the proportions of the user's.
func proportions(want []any, whole []int64) string {
	for i := range want {
		for j := range want {
			if httproute.WeightOf(want[i])*whole[j] != httproute.WeightOf(want[j])*whole[i] {
				return fmt.Sprintf("backends %d and %d have %d and %d and not the proportion of %d and %d",
					i, j, whole[i], whole[j], httproute.WeightOf(want[i]), httproute.WeightOf(want[j]))
			}
		}
	}
	return ""
}

func without(object any, field string) Object {
	fields, _ := object.(Object)
	out := Object{}
	for key, value := range fields {
		if key != field {
			out[key] = value
		}
	}
	return out
}
