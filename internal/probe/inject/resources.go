package inject

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What a probe has at most where the pod says that each container has such a limit, and the plan says none.
const (
	cpuLimit  = "500m"
	diskLimit = "64Mi"
)

// resourcesIn are those of the probe in a pod; nil where the pod has its resources as a whole, and none of
// its own fits in.
//
// A quota for limits refuses a pod with a container that has none, so that the probe has those that all
// others have. And a pod whose containers all request what they are limited to is evicted last, and may have
// CPUs of its own: with the probe, too.
func resourcesIn(spec map[string]any, said v1alpha1.ProbeResources) map[string]any {
	if len(object(spec["resources"])) > 0 {
		return nil
	}
	requests, limits := map[string]any{}, map[string]any{}
	put := func(into map[string]any, name string, amount *resource.Quantity) {
		if amount != nil {
			into[name] = amount.String()
		}
	}
	put(requests, "cpu", said.Requests.CPU)
	put(requests, "memory", said.Requests.Memory)
	put(limits, "cpu", said.Limits.CPU)
	put(limits, "memory", said.Limits.Memory)
	if limits["cpu"] == nil && allHave(spec, "limits", "cpu") {
		limits["cpu"] = cpuLimit
		if asks := said.Requests.CPU; asks != nil && asks.Cmp(resource.MustParse(cpuLimit)) > 0 {
			limits["cpu"] = asks.String()
		}
	}
	for kind, into := range map[string]map[string]any{"requests": requests, "limits": limits} {
		if allHave(spec, kind, "ephemeral-storage") {
			into["ephemeral-storage"] = diskLimit
		}
	}
	if isGuaranteed(spec) {
		requests["cpu"], requests["memory"] = limits["cpu"], limits["memory"]
	}
	return map[string]any{"requests": requests, "limits": limits}
}

// amountOf is what a container says of a resource, nil where it says nothing or what is no amount.
func amountOf(container map[string]any, kind, name string) *resource.Quantity {
	var said string
	switch value := object(object(container["resources"])[kind])[name].(type) {
	case string:
		said = value
	case int64:
		return resource.NewQuantity(value, resource.DecimalSI)
	}
	amount, err := resource.ParseQuantity(said)
	if err != nil {
		return nil
	}
	return &amount
}

// all says whether something holds of all containers of a pod, of which there is one at least.
func all(spec map[string]any, holds func(container map[string]any) bool) bool {
	n := 0
	for _, kind := range kinds {
		for _, each := range list(spec[kind]) {
			if n++; !holds(object(each)) {
				return false
			}
		}
	}
	return n > 0
}

func allHave(spec map[string]any, kind, name string) bool {
	return all(spec, func(container map[string]any) bool {
		return amountOf(container, kind, name) != nil || kind == "requests" && amountOf(container, "limits", name) != nil
	})
}

// isGuaranteed says whether a pod is of that class: a request that is not said is the limit.
func isGuaranteed(spec map[string]any) bool {
	return all(spec, func(container map[string]any) bool {
		for _, name := range []string{"cpu", "memory"} {
			request, limit := amountOf(container, "requests", name), amountOf(container, "limits", name)
			if limit == nil || limit.IsZero() || request != nil && request.Cmp(*limit) != 0 {
				return false
			}
		}
		return true
	})
}
