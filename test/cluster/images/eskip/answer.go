package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	gatewayAPI = "gateway.networking.k8s.io"
	controller = "holdfast.test/skipper"
)

// features are what the class lists: what is translated.
var features = []any{
	map[string]any{"name": "Gateway"}, map[string]any{"name": "HTTPRoute"}, map[string]any{"name": "HTTPRoutePathRewrite"},
	map[string]any{"name": "HTTPRouteRequestMirror"}, map[string]any{"name": "HTTPRouteRequestPercentageMirror"},
}

// gateways are the Gateways of the class, which are told that they work, as the class is.
func (w *world) gateways(ctx context.Context) (map[types.NamespacedName]bool, error) {
	classes, err := w.list(ctx, "GatewayClass")
	if err != nil {
		return nil, err
	}
	for _, class := range classes {
		if class.GetName() == w.class {
			err := w.tell(ctx, class, map[string]any{"supportedFeatures": features, "conditions": conditions(class, "Accepted")})
			if err != nil {
				return nil, err
			}
		}
	}
	objects, err := w.list(ctx, "Gateway")
	if err != nil {
		return nil, err
	}
	out := map[types.NamespacedName]bool{}
	for _, gateway := range objects {
		class, _, _ := unstructured.NestedString(gateway.Object, "spec", "gatewayClassName")
		if class != w.class {
			continue
		}
		out[client.ObjectKeyFromObject(&gateway)] = true
		if err := w.tell(ctx, gateway, map[string]any{"conditions": conditions(gateway, "Accepted", "Programmed")}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isOf says whether a route names one of the Gateways.
func (r route) isOf(gateways map[types.NamespacedName]bool) bool {
	for _, ref := range r.spec.ParentRefs {
		if gateways[parentOf(ref, r.namespace)] {
			return true
		}
	}
	return false
}

func parentOf(ref map[string]any, namespace string) types.NamespacedName {
	if of, is := ref["namespace"].(string); is {
		namespace = of
	}
	name, _ := ref["name"].(string)
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// answer says in the status of a route what becomes of it. What others say there stays.
func (w *world) answer(ctx context.Context, object unstructured.Unstructured, gateways map[types.NamespacedName]bool, t translated) error {
	var parents []any
	before, _, _ := unstructured.NestedSlice(object.Object, "status", "parents")
	for _, parent := range before {
		if parent.(map[string]any)["controllerName"] != controller {
			parents = append(parents, parent)
		}
	}
	refs, _, _ := unstructured.NestedSlice(object.Object, "spec", "parentRefs")
	for _, ref := range refs {
		if gateways[parentOf(ref.(map[string]any), object.GetNamespace())] {
			parents = append(parents, map[string]any{"controllerName": controller, "parentRef": ref, "conditions": []any{
				condition(object, "Accepted", "UnsupportedValue", t.refused), condition(object, "ResolvedRefs", "BackendNotFound", t.unresolved),
			}})
		}
	}
	return w.tell(ctx, object, map[string]any{"parents": parents})
}

// conditions are of these kinds, with nothing wrong.
func conditions(of unstructured.Unstructured, kinds ...string) []any {
	var out []any
	for _, kind := range kinds {
		out = append(out, condition(of, kind, "", ""))
	}
	return out
}

// condition is True, or for a reason with a message False.
func condition(of unstructured.Unstructured, kind, reason, message string) map[string]any {
	out := map[string]any{"type": kind, "status": "True", "reason": kind, "message": message, "observedGeneration": of.GetGeneration()}
	if message != "" {
		out["status"], out["reason"] = "False", reason
	}
	return out
}

// tell writes fields of a status, if they are others.
func (w *world) tell(ctx context.Context, object unstructured.Unstructured, status map[string]any) error {
	stands := true
	for field, value := range status {
		before, _, _ := unstructured.NestedFieldNoCopy(object.Object, "status", field)
		stands = stands && reflect.DeepEqual(withoutTimes(before), withoutTimes(value))
	}
	if stands {
		return nil
	}
	withTimes(status, time.Now().UTC().Format(time.RFC3339))
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": object.GetResourceVersion()}, "status": status})
	if err != nil {
		return fmt.Errorf("encode the status of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	err = w.client.Status().Patch(ctx, &object, client.RawPatch(types.MergePatchType, body))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

const since = "lastTransitionTime"

// withoutTimes is a copy of a part of a status without the times of its conditions.
func withoutTimes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			if key != since {
				out[key] = withoutTimes(inner)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = withoutTimes(inner)
		}
		return out
	}
	return value
}

// withTimes gives all conditions in a part of a status a time.
func withTimes(value any, now string) {
	switch v := value.(type) {
	case map[string]any:
		if v["type"] != nil && v["status"] != nil {
			v[since] = now
		}
		for _, inner := range v {
			withTimes(inner, now)
		}
	case []any:
		for _, inner := range v {
			withTimes(inner, now)
		}
	}
}
