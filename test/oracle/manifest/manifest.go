package manifest

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

const (
	// Name is the Deployment's, and of the Helm release that it belongs to.
	Name = "web"
	// Node is the node that all pods name, so that no scheduler looks at them.
	Node = "oracle"
)

// Base is the least Deployment there can be. Its maps of annotations are there so that a JSON patch
// can add to them.
func Base() Object {
	return Object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": Object{"name": Name, "labels": Object{"app": Name}, "annotations": Object{"base": "yes"}},
		"spec": Object{
			"selector": Object{"matchLabels": Object{"app": Name}},
			"template": Object{
				"metadata": Object{"labels": Object{"app": Name}, "annotations": Object{"base": "yes"}},
				"spec": Object{
					"nodeName":   Node,
					"containers": []any{Object{"name": "app", "image": Image("app", "base")}},
				},
			},
		},
	}
}

// Render is the Deployment that settings make of Base.
func Render(words []sequence.Word) (Object, error) {
	d := Base()
	for _, w := range words {
		if err := Set(d, w); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// YAML is Render as a file that kubectl and Helm take.
func YAML(words []sequence.Word) ([]byte, error) {
	d, err := Render(words)
	if err != nil {
		return nil, err
	}
	data, err := yaml.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return data, nil
}

// EditYAML makes settings in the YAML of any Deployment, as a person does in an editor.
func EditYAML(data []byte, words []sequence.Word) ([]byte, error) { return edit(data, words, nil) }

// EditRead makes settings in the YAML of a Deployment that was read. It leaves out which version that was:
// what controllers write before it is sent back is a conflict on the side that they write to, guarded or not.
func EditRead(data []byte, words []sequence.Word) ([]byte, error) {
	return edit(data, words, func(d Object) {
		metadata, _ := d["metadata"].(Object)
		delete(metadata, "resourceVersion")
	})
}

// EditKept makes settings in the YAML of a Deployment that was read, and leaves out what only
// servers write: its status, its revision and what it was called by.
func EditKept(data []byte, words []sequence.Word) ([]byte, error) {
	return edit(data, words, func(d Object) {
		delete(d, "status")
		metadata, _ := d["metadata"].(Object)
		for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace"} {
			delete(metadata, field)
		}
		if annotations, ok := metadata["annotations"].(Object); ok {
			delete(annotations, "deployment.kubernetes.io/revision")
		}
	})
}

func edit(data []byte, words []sequence.Word, before func(Object)) ([]byte, error) {
	var d Object
	if err := yaml.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("decode what is to be edited: %w", err)
	}
	if before != nil {
		before(d)
	}
	for _, w := range words {
		if err := Set(d, w); err != nil {
			return nil, err
		}
	}
	out, err := yaml.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode what was edited: %w", err)
	}
	return out, nil
}
