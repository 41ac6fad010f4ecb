package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/internal/hold"
)

const (
	sealSecret = "holdfast-seal"
	sealField  = "key"
)

// +kubebuilder:rbac:groups=core,namespace=holdfast-system,resources=secrets,verbs=create
// +kubebuilder:rbac:groups=core,namespace=holdfast-system,resources=secrets,resourceNames=holdfast-seal,verbs=get

// sealingKey reads the key that held records are sealed with; the first replica
// of an installation makes it.
func sealingKey(ctx context.Context, c client.Client, namespace string) (hold.Key, error) {
	name := types.NamespacedName{Namespace: namespace, Name: sealSecret}
	var secret corev1.Secret
	err := c.Get(ctx, name, &secret)
	if apierrors.IsNotFound(err) {
		secret = corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: sealSecret,
				Labels:      map[string]string{"app.kubernetes.io/managed-by": "holdfast"},
				Annotations: map[string]string{"holdfast.dev/note": "seals held updates; with it deleted, the updates held now are dropped"},
			},
			Data: map[string][]byte{sealField: hold.NewKey()},
		}
		err = c.Create(ctx, &secret)
		if apierrors.IsAlreadyExists(err) { // another replica was first
			err = c.Get(ctx, name, &secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("sealing key in Secret %q: %w", name, err)
	}
	key, err := hold.ParseKey(secret.Data[sealField])
	if err != nil {
		return nil, fmt.Errorf("sealing key in Secret %q: %w; delete it to have it made anew (updates held now are dropped)", name, err)
	}
	return key, nil
}
