package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// world is what the program works by.
type world struct {
	client               client.Client
	class, file, skipper string
	// secret tells copies of requests from what clients send.
	secret string
	// written is what Skipper was last given.
	written string
}

// follow looks at the objects once: it gives Skipper its routes and answers for those that Skipper has.
func (w *world) follow(ctx context.Context) error {
	gateways, err := w.gateways(ctx)
	if err != nil {
		return err
	}
	behind, err := w.endpoints(ctx)
	if err != nil {
		return err
	}
	objects, err := w.list(ctx, "HTTPRoute")
	if err != nil {
		return err
	}
	file := "serving: Path(\"/gateway-serves\") -> status(200) -> <shunt>;\n"
	var said []translated
	var routes []unstructured.Unstructured
	for _, object := range objects {
		r := readRoute(object)
		if !r.isOf(gateways) {
			continue
		}
		t := translate(r, behind, w.secret)
		for _, line := range t.lines {
			file += line + "\n"
		}
		said, routes = append(said, t), append(routes, object)
	}
	if err := w.write(file); err != nil {
		return err
	}
	has, err := skipperHas(ctx, w.skipper)
	if err != nil {
		return err
	}
	for i, t := range said {
		if t.refused == "" && !strings.Contains(has, t.id+"_") {
			continue // it answers for what is so
		}
		if err := w.answer(ctx, routes[i], gateways, t); err != nil {
			return err
		}
	}
	return nil
}

// write gives Skipper its routes, all at once.
func (w *world) write(file string) error {
	if file == w.written {
		return nil
	}
	if err := os.WriteFile(w.file+".new", []byte(file), 0o644); err != nil {
		return fmt.Errorf("write routes: %w", err)
	}
	if err := os.Rename(w.file+".new", w.file); err != nil {
		return fmt.Errorf("give Skipper its routes: %w", err)
	}
	w.written = file
	return nil
}

// skipperHas is what Skipper says that it goes by.
func skipperHas(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask Skipper for its routes: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask Skipper for its routes: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask Skipper for its routes: %s: %w", answer.Status, err)
	}
	return string(text), nil
}

func (w *world) list(ctx context.Context, kind string) ([]unstructured.Unstructured, error) {
	var out unstructured.UnstructuredList
	out.SetGroupVersionKind(schema.GroupVersionKind{Group: gatewayAPI, Version: "v1", Kind: kind + "List"})
	if err := w.client.List(ctx, &out); err != nil {
		return nil, fmt.Errorf("list %ss: %w", kind, err)
	}
	return out.Items, nil
}

func (w *world) endpoints(ctx context.Context) (endpoints, error) {
	var services corev1.ServiceList
	if err := w.client.List(ctx, &services); err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	var all discoveryv1.EndpointSliceList
	if err := w.client.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("list EndpointSlices: %w", err)
	}
	return readEndpoints(services.Items, all.Items), nil
}
