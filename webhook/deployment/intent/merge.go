package intent

import (
	"bytes"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
)

// threeWayMerge is what kubectl apply does, with the held template where
// kubectl used the stable one: fields that were applied and no longer are go,
// fields of the new manifest are set, all else stays.
func threeWayMerge(before, after, held hold.Template) (hold.Template, error) {
	schema, err := podTemplateSchema()
	if err != nil {
		return nil, err
	}
	if err := mergeable(schema, before, after, held); err != nil {
		return nil, err
	}
	original, err := encode(orEmpty(before))
	if err != nil {
		return nil, err
	}
	modified, err := encode(orEmpty(after))
	if err != nil {
		return nil, err
	}
	current, err := encode(held)
	if err != nil {
		return nil, err
	}
	text, err := strategicpatch.CreateThreeWayMergePatch(original, modified, current, schema, true)
	if err != nil {
		return nil, fmt.Errorf("merge applied pod template with the held one: %w", err)
	}
	var patch hold.Template
	if err := jsontree.Unmarshal(text, &patch); err != nil {
		return nil, fmt.Errorf("decode the difference of pod templates: %w", err)
	}
	return patched(held, patch, schema)
}

// transplant makes the change that leads from one template to another to a third.
func transplant(from, to, onto hold.Template, newFirst bool) (hold.Template, error) {
	schema, err := podTemplateSchema()
	if err != nil {
		return nil, err
	}
	if err := mergeable(schema, from, to, onto); err != nil {
		return nil, err
	}
	change, err := strategicpatch.CreateTwoWayMergeMapPatchUsingLookupPatchMeta(deepCopy(from), deepCopy(to), schema)
	if err != nil {
		return nil, fmt.Errorf("compare pod templates: %w", err)
	}
	if err := (graft{newFirst}).object(change, from, onto, schema); err != nil {
		return nil, err
	}
	return patched(onto, deepCopy(change), schema) // for it has parts of onto
}

// patched is a template with a strategic merge patch applied, of which nothing is left.
func patched(t, patch hold.Template, schema strategicpatch.LookupPatchMeta) (hold.Template, error) {
	if len(patch) == 0 {
		return t, nil
	}
	merged, err := strategicpatch.StrategicMergeMapPatchUsingLookupPatchMeta(deepCopy(t), patch, schema)
	if err != nil {
		return nil, fmt.Errorf("change the held pod template: %w", err)
	}
	return hold.Template(merged), nil
}

func encode(t hold.Template) ([]byte, error) {
	var out bytes.Buffer
	if err := jsontree.Write(&out, t); err != nil {
		return nil, fmt.Errorf("encode pod template: %w", err)
	}
	return out.Bytes(), nil
}

func orEmpty(t hold.Template) hold.Template {
	if t == nil {
		return hold.Template{}
	}
	return t
}

func deepCopy(t hold.Template) hold.Template { return runtime.DeepCopyJSON(t) }

// podTemplateSchema says which lists of a pod template merge, and by which key.
func podTemplateSchema() (strategicpatch.LookupPatchMeta, error) {
	known, err := strategicpatch.NewPatchMetaFromStruct(corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("schema of pod templates: %w", err)
	}
	return lenient{known}, nil
}

// lenient treats fields that are newer than the client library as atomic,
// where strategicpatch would refuse the whole template.
type lenient struct {
	known strategicpatch.LookupPatchMeta
}

func (l lenient) LookupPatchMetadataForStruct(key string) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	if l.known == nil {
		return lenient{}, strategicpatch.PatchMeta{}, nil
	}
	schema, meta, err := l.known.LookupPatchMetadataForStruct(key)
	if err != nil {
		return lenient{}, strategicpatch.PatchMeta{}, nil //nolint:nilerr // unknown is atomic, see above
	}
	return lenient{schema}, meta, nil
}

func (l lenient) LookupPatchMetadataForSlice(key string) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	if l.known == nil {
		return lenient{}, strategicpatch.PatchMeta{}, nil
	}
	schema, meta, err := l.known.LookupPatchMetadataForSlice(key)
	if err != nil {
		return lenient{}, strategicpatch.PatchMeta{}, nil //nolint:nilerr // unknown is atomic, see above
	}
	return lenient{schema}, meta, nil
}

func (l lenient) Name() string {
	if l.known == nil {
		return "unknown"
	}
	return l.known.Name()
}
