package agent

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// token is a ServiceAccount token bound to the pod.
type token struct {
	value string
	// renew is when four fifths of its life are over.
	renew time.Time
}

// tokens are the tokens of a pod's volumes, by audience and path. Only the pod's volumes touch
// them, one at a time.
type tokens map[string]token

// untilRenewal is how long no token needs renewing.
func (t tokens) untilRenewal(now time.Time) time.Duration {
	wait := 24 * time.Hour
	for _, token := range t {
		wait = min(wait, max(token.renew.Sub(now), time.Second))
	}
	return wait
}

// addToken adds the token that a projection asks for, a new one if the last is old. The file can be
// read by the group alone only when that is of use to the container, as in the kubelet.
func (v *volumes) addToken(ctx context.Context, files map[string]file, from *v1.ServiceAccountTokenProjection, standard int32) error {
	name := from.Audience + " " + from.Path
	known, found := v.tokens[name]
	if !found || time.Now().After(known.renew) {
		fresh, err := v.requestToken(ctx, from)
		if err != nil {
			return err
		}
		known = fresh
		v.tokens[name] = fresh
	}
	if security := v.pod.latest().Spec.SecurityContext; security != nil && security.FSGroup != nil {
		standard = 0o600
	}
	files[from.Path] = file{[]byte(known.value), standard}
	return nil
}

func (v *volumes) requestToken(ctx context.Context, from *v1.ServiceAccountTokenProjection) (token, error) {
	object := v.pod.latest()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: from.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: object.Name, UID: object.UID},
	}}
	if from.Audience != "" {
		request.Spec.Audiences = []string{from.Audience}
	}
	account := object.Spec.ServiceAccountName
	asked := time.Now()
	answer, err := v.pod.agent.Client.CoreV1().ServiceAccounts(object.Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return token{}, fmt.Errorf("failed to fetch token: %w", err)
	}
	life := answer.Status.ExpirationTimestamp.Sub(asked)
	return token{value: answer.Status.Token, renew: asked.Add(life * 4 / 5)}, nil
}
