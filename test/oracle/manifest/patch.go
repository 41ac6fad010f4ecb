package manifest

import (
	"encoding/json"
	"fmt"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// absent is the value that a setting to be dropped has before.
const absent = "1"

// Patch is what a person would write to make settings in a Deployment that has none of them: of the
// type that the verb says. In a merge patch lists are whole, in a JSON patch containers are known
// by their place.
func Patch(verb sequence.Verb, words []sequence.Word) ([]byte, error) {
	d := Base()
	if verb == sequence.PatchStrategic {
		upsert(app(d), "env", "name", Object{"name": "OTHER"}) // so that a variable is deleted, not the list with it
	}
	before, after, err := around(d, words)
	if err != nil {
		return nil, err
	}
	switch verb {
	case sequence.PatchStrategic:
		return strategicPatch(before, after)
	case sequence.PatchMerge:
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(before, after, before)
		if err != nil {
			return nil, fmt.Errorf("make merge patch: %w", err)
		}
		return patch, nil
	case sequence.PatchJSON:
		operations, err := jsonpatch.CreatePatch(before, after)
		if err != nil {
			return nil, fmt.Errorf("make JSON patch: %w", err)
		}
		return json.Marshal(operations)
	}
	return nil, fmt.Errorf("make patch: %q is no type of patch", verb)
}

// around is a Deployment in JSON before and after settings are made.
func around(d Object, words []sequence.Word) (before, after []byte, err error) {
	for _, w := range words {
		if w.Drop {
			if err := Set(d, sequence.Word{Key: w.Key, Value: absent}); err != nil {
				return nil, nil, err
			}
		}
	}
	if before, err = json.Marshal(d); err != nil {
		return nil, nil, fmt.Errorf("encode manifest: %w", err)
	}
	for _, w := range words {
		if err := Set(d, w); err != nil {
			return nil, nil, err
		}
	}
	if after, err = json.Marshal(d); err != nil {
		return nil, nil, fmt.Errorf("encode manifest: %w", err)
	}
	return before, after, nil
}

// strategicPatch leaves out the order of lists, which nobody writes by hand.
func strategicPatch(before, after []byte) ([]byte, error) {
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, appsv1.Deployment{})
	if err != nil {
		return nil, fmt.Errorf("make strategic patch: %w", err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(patch, &decoded); err != nil {
		return nil, fmt.Errorf("decode strategic patch: %w", err)
	}
	return json.Marshal(withoutOrder(decoded))
}

func withoutOrder(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.HasPrefix(key, "$setElementOrder/") {
				delete(v, key)
				continue
			}
			v[key] = withoutOrder(value)
		}
	case []any:
		for i := range v {
			v[i] = withoutOrder(v[i])
		}
	}
	return v
}
