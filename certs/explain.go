package certs

import (
	"context"
	"fmt"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// explain says, for people, what cert-manager says of a Certificate.
func explain(ctx context.Context, reader client.Reader, name types.NamespacedName) string {
	var certificate cmapi.Certificate
	err := reader.Get(ctx, name, &certificate)
	switch {
	case meta.IsNoMatchError(err):
		return "cert-manager is not installed: the cluster has no kind Certificate of " + cmapi.SchemeGroupVersion.String() +
			"; install it or use --certificates=self-managed"
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("Certificate %q does not exist", name)
	case err != nil:
		return fmt.Sprintf("Certificate %q cannot be read: %s", name, err)
	}
	for _, condition := range certificate.Status.Conditions {
		if condition.Type == cmapi.CertificateConditionReady {
			if condition.Status == cmmeta.ConditionTrue {
				return fmt.Sprintf("Certificate %q is ready", name)
			}
			return fmt.Sprintf("Certificate %q is not ready: %s: %s", name, condition.Reason, condition.Message)
		}
	}
	return fmt.Sprintf("Certificate %q has no condition Ready: cert-manager has not looked at it; does its controller run?", name)
}
