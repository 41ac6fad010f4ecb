package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"holdfast.dev/holdfast/certs"
)

// Values of --certificates.
const (
	selfManaged = "self-managed"
	certManager = "cert-manager"
)

// Names of what the manifests install, or Holdfast makes. The two ways have
// Secrets of their own, so that changing from one to the other drops no call.
const (
	selfManagedSecret = "holdfast-webhook-tls"
	issuedSecret      = "holdfast-webhook-issued"
	certificateName   = "holdfast-webhook"
)

// certificates give the webhook its serving certificate, in every replica.
type certificates interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Ready(*http.Request) error
	Start(context.Context) error
	NeedLeaderElection() bool
}

// newCertificates is the way that --certificates chooses.
func newCertificates(config *rest.Config, scheme *runtime.Scheme, direct client.Client, o Options) (certificates, error) {
	secret := types.NamespacedName{Namespace: o.namespace, Name: selfManagedSecret}
	if o.certificates == certManager {
		secret.Name = issuedSecret
	}
	objects, err := certs.Watch(config, scheme, secret, o.webhookConfig)
	if err != nil {
		return nil, err
	}
	counted := certs.NewMetrics(metrics.Registry)
	if o.certificates == selfManaged {
		return &certs.SelfManaged{
			Objects: objects, Writer: direct, Secret: secret, WebhookConfiguration: o.webhookConfig,
			Hosts: o.hosts(), Clock: clock.RealClock{}, Metrics: counted,
		}, nil
	}
	kinds := runtime.NewScheme()
	if err := cmapi.AddToScheme(kinds); err != nil {
		return nil, err
	}
	reader, err := client.New(config, client.Options{Scheme: kinds})
	if err != nil {
		return nil, fmt.Errorf("make client for cert-manager: %w", err)
	}
	return &certs.CertManager{
		Objects: objects, Reader: reader, Secret: secret, WebhookConfiguration: o.webhookConfig,
		Certificate: types.NamespacedName{Namespace: o.namespace, Name: certificateName},
		Host:        o.hosts()[0], Clock: clock.RealClock{}, Metrics: counted,
	}, nil
}
