package main

import (
	"fmt"
	"maps"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// object is one of a kustomization, rendered.
type object map[string]any

// render is what `kubectl kustomize` prints.
func render(folder string) ([]object, error) {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("kustomize %s: %w", folder, err)
	}
	var out []object
	for _, r := range rendered.Resources() {
		content, err := r.Map()
		if err != nil {
			return nil, fmt.Errorf("kustomize %s: %w", folder, err)
		}
		out = append(out, content)
	}
	return out, nil
}

// find is the object of that kind and name, nil if there is none.
func find(objects []object, wanted object) object {
	for _, o := range objects {
		if o.kind() == wanted.kind() && o.name() == wanted.name() {
			return o
		}
	}
	return nil
}

func (o object) kind() string { return o["kind"].(string) }

func (o object) name() string { return o["metadata"].(map[string]any)["name"].(string) }

func (o object) String() string { return o.kind() + " " + o.name() }

// keep is the object as Helm leaves it in the cluster when it uninstalls.
func (o object) keep() object { return o.annotated(map[string]any{"helm.sh/resource-policy": "keep"}) }

// hook is the object as something that is there only while Helm uninstalls,
// before the Job that needs it.
func (o object) hook() object {
	return o.annotated(map[string]any{
		"helm.sh/hook": "pre-delete", "helm.sh/hook-weight": "-1",
		"helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
	})
}

// annotated is a copy with more annotations.
func (o object) annotated(more map[string]any) object {
	metadata := maps.Clone(o["metadata"].(map[string]any))
	annotations, _ := metadata["annotations"].(map[string]any)
	metadata["annotations"] = maps.Clone(more)
	maps.Copy(metadata["annotations"].(map[string]any), annotations)
	out := maps.Clone(o)
	out["metadata"] = metadata
	return out
}
