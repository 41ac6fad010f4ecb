package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// route is an HTTPRoute, as far as one is followed.
type route struct {
	namespace, name string
	generation      int64
	spec            spec
	// problem is what of it is not followed, "" for nothing.
	problem string
}

type spec struct {
	ParentRefs []map[string]any `json:"parentRefs"`
	Rules      []rule           `json:"rules"`
}

type rule struct {
	Matches     []match   `json:"matches"`
	Filters     []filter  `json:"filters"`
	BackendRefs []backend `json:"backendRefs"`
}

type match struct {
	Path struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"path"`
}

type filter struct {
	Type       string `json:"type"`
	URLRewrite *struct {
		Path struct {
			Type               string `json:"type"`
			ReplacePrefixMatch string `json:"replacePrefixMatch"`
		} `json:"path"`
	} `json:"urlRewrite"`
	RequestMirror *struct {
		BackendRef backend  `json:"backendRef"`
		Percent    *float64 `json:"percent"`
	} `json:"requestMirror"`
}

type backend struct {
	Group  string `json:"group"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Port   int32  `json:"port"`
	Weight *int32 `json:"weight"`
}

// readRoute reads an HTTPRoute. A field that is not followed is a problem of the route.
func readRoute(object unstructured.Unstructured) route {
	r := route{namespace: object.GetNamespace(), name: object.GetName(), generation: object.GetGeneration()}
	fields, _, _ := unstructured.NestedMap(object.Object, "spec")
	text, err := json.Marshal(fields)
	if err == nil {
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		err = strict.Decode(&r.spec)
	}
	if err != nil {
		r.problem = fmt.Sprintf("this gateway of the tests follows less: %v", err)
		_ = json.Unmarshal(text, &r.spec) // its parents are to be told
	}
	return r
}

// endpoints are the addresses behind the ports of Services that are Ready.
type endpoints map[endpoint][]string

type endpoint struct {
	namespace, service string
	port               int32
}

// readEndpoints has an entry, be it empty, for each port of each Service.
func readEndpoints(services []corev1.Service, all []discoveryv1.EndpointSlice) endpoints {
	out := endpoints{}
	for _, s := range services {
		for _, p := range s.Spec.Ports {
			key := endpoint{s.Namespace, s.Name, p.Port}
			out[key] = nil
			for _, slice := range all {
				if slice.Namespace == s.Namespace && slice.Labels[discoveryv1.LabelServiceName] == s.Name {
					out[key] = append(out[key], ready(slice, p.Name)...)
				}
			}
			slices.Sort(out[key])
		}
	}
	return out
}

func ready(slice discoveryv1.EndpointSlice, port string) []string {
	var out []string
	for _, p := range slice.Ports {
		if p.Port == nil || p.Name == nil || *p.Name != port {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				out = append(out, fmt.Sprintf("http://%s:%d", e.Addresses[0], *p.Port))
			}
		}
	}
	return out
}
