package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ring gives out the ready endpoints of a Service in turn.
type ring struct {
	mu        sync.Mutex
	addresses []string
	turn      int
}

// next is the address whose turn it is; false if none is ready.
func (r *ring) next() (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.addresses) == 0 {
		return "", false
	}
	r.turn++
	return r.addresses[r.turn%len(r.addresses)], true
}

func (r *ring) set(addresses []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(addresses, r.addresses) {
		fmt.Printf("load: endpoints are now %v\n", addresses)
	}
	r.addresses = addresses
}

// follow keeps the ring true to the Service's EndpointSlices until ctx ends. It returns once it is
// true for the first time.
func (r *ring) follow(ctx context.Context, client kubernetes.Interface, t target) error {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: t.service}).String()
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(t.namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = selector }))
	slicesOf := factory.Discovery().V1().EndpointSlices()
	update := func(any) {
		found, err := slicesOf.Lister().List(labels.Everything())
		if err == nil { // a lister over a cache has no other
			r.set(ready(found, t.port))
		}
	}
	_, err := slicesOf.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: update, UpdateFunc: func(_, object any) { update(object) }, DeleteFunc: update,
	})
	if err != nil {
		return fmt.Errorf("watch endpoints of service %s/%s: %w", t.namespace, t.service, err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), slicesOf.Informer().HasSynced) {
		return errors.New("stopped before the endpoints were known")
	}
	return nil
}

// ready lists the ready addresses with their port, in a fixed order.
func ready(found []*discoveryv1.EndpointSlice, wanted string) []string {
	var addresses []string
	for _, slice := range found {
		port, ok := pick(slice.Ports, wanted)
		if !ok {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
				continue
			}
			for _, address := range endpoint.Addresses {
				addresses = append(addresses, net.JoinHostPort(address, port))
			}
		}
	}
	slices.Sort(addresses)
	return slices.Compact(addresses)
}

// pick chooses the port by name or number; the first if none is wanted.
func pick(ports []discoveryv1.EndpointPort, wanted string) (string, bool) {
	for _, port := range ports {
		if port.Port == nil {
			continue
		}
		number := strconv.Itoa(int(*port.Port))
		if wanted == "" || wanted == number || port.Name != nil && wanted == *port.Name {
			return number, true
		}
	}
	return "", false
}
