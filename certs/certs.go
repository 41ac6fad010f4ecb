// Package certs gives the webhook its serving certificate.
//
// There are two ways to come by one. SelfManaged makes a CA and a certificate
// and tells the API servers to trust it; CertManager takes what cert-manager has
// issued and its cainjector has made trusted, and writes nothing. Either way the
// certificate stands in a Secret that all replicas share, and each replica goes
// by the same rule: a certificate is served when the API servers have been told
// to trust it, and until then the one before it is.
package certs

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// interval is the time between two looks at what the watch has brought, because
// certificates and CAs come of age. A change is looked at when it comes.
const interval = time.Second

// keep calls sync at every change of the objects, and as time goes by, until ctx
// ends. An error is logged and tried again: what is served goes on being served.
func keep(ctx context.Context, clock clock.Clock, objects *Objects, sync func(context.Context) error) error {
	log := ctrl.LoggerFrom(ctx).WithName("certs")
	ended, err := objects.start(ctx)
	if err != nil {
		return err
	}
	for {
		if err := sync(ctx); err != nil && ctx.Err() == nil {
			if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
				log.V(1).Info("another replica was first", "reason", err.Error())
			} else {
				log.Error(err, "certificates not up to date")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-objects.changed:
		case <-clock.After(interval):
		}
	}
}
