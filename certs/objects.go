package certs

import (
	"context"
	"errors"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Objects are the Secret and the webhook configurations, mutating and
// validating, watched each by its name: a replica hears of a change as the API
// servers do, and may read no other Secret.
type Objects struct {
	client.Reader
	cache cache.Cache
	// changed has room for one: more news while one is looked at are one look.
	changed chan struct{}
}

// Watch prepares to watch them.
func Watch(config *rest.Config, scheme *runtime.Scheme, secret types.NamespacedName, webhookConfiguration string) (*Objects, error) {
	named := func(name string) fields.Selector { return fields.OneTermEqualSelector("metadata.name", name) }
	c, err := cache.New(config, cache.Options{Scheme: scheme, ByObject: map[client.Object]cache.ByObject{
		&corev1.Secret{}: {Namespaces: map[string]cache.Config{secret.Namespace: {FieldSelector: named(secret.Name)}}},
		&admissionregistrationv1.MutatingWebhookConfiguration{}:   {Field: named(webhookConfiguration)},
		&admissionregistrationv1.ValidatingWebhookConfiguration{}: {Field: named(webhookConfiguration)},
	}})
	if err != nil {
		return nil, fmt.Errorf("watch Secret %q and webhook configurations %q: %w", secret, webhookConfiguration, err)
	}
	return &Objects{Reader: c, cache: c, changed: make(chan struct{}, 1)}, nil
}

// start watches until ctx ends and returns when all have been read. What the
// channel gives is the end of the watch.
func (o *Objects) start(ctx context.Context) (<-chan error, error) {
	ended := make(chan error, 1)
	if o.cache == nil {
		return ended, nil // not a watch but plain reads
	}
	for _, object := range []client.Object{
		&corev1.Secret{}, &admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{},
	} {
		informer, err := o.cache.GetInformer(ctx, object)
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", object, err)
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { o.tell() },
			UpdateFunc: func(any, any) { o.tell() },
			DeleteFunc: func(any) { o.tell() },
		}); err != nil {
			return nil, fmt.Errorf("watch %T: %w", object, err)
		}
	}
	go func() { ended <- o.cache.Start(ctx) }()
	if !o.cache.WaitForCacheSync(ctx) && ctx.Err() == nil {
		return nil, errors.New("watch of Secret and webhook configurations has ended before it began")
	}
	return ended, nil
}

func (o *Objects) tell() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}
