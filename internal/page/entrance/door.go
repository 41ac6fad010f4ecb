// Package entrance lets into the page of a cluster who shows a bearer token that its API server knows: by a
// TokenReview, and for what may be seen by a SubjectAccessReview for each namespace.
//
// Both are kept for a short time, as API servers themselves do with webhooks that they ask. So a token that
// was taken back, or a right, is good for that long at most; what a person decides is asked of the API server
// in any case.
package entrance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/person"
)

const (
	// knownTime is how long a token that is known is not asked about again, strangeTime one that is not, and
	// rightTime what somebody may see.
	knownTime   = 10 * time.Second
	strangeTime = 5 * time.Second
	rightTime   = 20 * time.Second
	// mostTokens and mostRights are how many are kept, whoever shows how many.
	mostTokens = 1000
	mostRights = 20000
	// atOnce is how many reviews are under way; whoever has none must come again.
	atOnce = 16
	// patience is how long one waits for its turn.
	patience = 5 * time.Second
)

// Door is a page.Door.
type Door struct {
	reviews kubernetes.Interface
	server  *rest.Config
	tokens  *cache.LRUExpireCache
	rights  *cache.LRUExpireCache
	slots   chan struct{}
}

// New is a door whose reviews are made with these credentials, which are nobody's but Holdfast's: persons act
// with their own.
func New(config *rest.Config, c clock.PassiveClock) (*Door, error) {
	reviews, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for reviews: %w", err)
	}
	return &Door{
		reviews: reviews, server: rest.AnonymousClientConfig(config), slots: make(chan struct{}, atOnce),
		tokens: cache.NewLRUExpireCacheWithClock(mostTokens, c), rights: cache.NewLRUExpireCacheWithClock(mostRights, c),
	}, nil
}

// Enter implements page.Door.
func (d *Door) Enter(ctx context.Context, token string) (*page.Visitor, error) {
	sum := sha256.Sum256([]byte(token)) // what is kept of a token is no token
	key := hex.EncodeToString(sum[:])
	if known, has := d.tokens.Get(key); has {
		if visitor, is := known.(*page.Visitor); is {
			return visitor, nil
		}
		return nil, page.ErrStranger
	}
	leave, err := d.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	review, err := d.reviews.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", page.ErrBusy, err)
	}
	if !review.Status.Authenticated || review.Status.User.Username == "" {
		d.tokens.Add(key, nil, strangeTime)
		return nil, page.ErrStranger
	}
	visitor, err := d.visitor(token, review.Status.User)
	if err != nil {
		return nil, err
	}
	d.tokens.Add(key, visitor, knownTime)
	return visitor, nil
}

func (d *Door) visitor(token string, user authenticationv1.UserInfo) (*page.Visitor, error) {
	config := rest.CopyConfig(d.server)
	config.BearerToken = token
	p, err := person.New(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	id := idOf(user)
	return &page.Visitor{ID: id, Name: user.Username, Person: p, Sees: func(ctx context.Context, namespace string) (bool, error) {
		return d.sees(ctx, id, user, namespace)
	}}, nil
}

// idOf is the same for those alone who have the same rights: a name may come with other groups another time.
func idOf(user authenticationv1.UserInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", user.Username, user.UID, user.Groups, user.Extra))
	return hex.EncodeToString(sum[:])
}

// everywhere is asked for once, for those who may list the runs of all namespaces.
const everywhere = ""

func (d *Door) sees(ctx context.Context, id string, user authenticationv1.UserInfo, namespace string) (bool, error) {
	all, err := d.may(ctx, id, user, everywhere)
	if err != nil || all {
		return all, err
	}
	return d.may(ctx, id, user, namespace)
}

func (d *Door) may(ctx context.Context, id string, user authenticationv1.UserInfo, namespace string) (bool, error) {
	key := id + "/" + namespace
	if known, has := d.rights.Get(key); has {
		return known.(bool), nil
	}
	leave, err := d.turn(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	extra := map[string]authorizationv1.ExtraValue{}
	for name, values := range user.Extra {
		extra[name] = authorizationv1.ExtraValue(values)
	}
	review, err := d.reviews.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Group: v1alpha1.GroupVersion.Group, Resource: "canaryruns"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("%w: %w", page.ErrBusy, err)
	}
	d.rights.Add(key, review.Status.Allowed, rightTime)
	return review.Status.Allowed, nil
}

// turn waits for a slot.
func (d *Door) turn(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case d.slots <- struct{}{}:
		return func() { <-d.slots }, nil
	case <-ctx.Done():
		return nil, page.ErrBusy
	}
}
