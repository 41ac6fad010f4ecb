package protect

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/respite"
	"holdfast.dev/holdfast/internal/surround"
)

const (
	// heldPace is after how long ConfigMaps are looked at again while an update is held: people are told of one
	// that was deleted. keptPace is it otherwise. Nothing waits for either: what ends a hold is watched.
	heldPace = 15 * time.Second
	keptPace = time.Minute
	// searchPace is after how long namespaces are searched for again: the webhook may have protected ConfigMaps
	// for an update that was refused in the end, of which nobody hears.
	searchPace = 10 * time.Minute
	// rightPace is after how long it is asked again whether Holdfast may change ConfigMaps.
	rightPace = 5 * time.Minute
)

// reconcile looks after the ConfigMaps of a namespace, or looks for namespaces.
func (p *protector) reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if req == search {
		return p.search(ctx)
	}
	if left := p.respite(req.Namespace); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	return p.lookAfter(ctx, req.Namespace)
}

// respite is for how long a namespace is not looked at again. Where its Deployments are very many, some
// change all the time, and each change would have all of them gone through.
func (p *protector) respite(namespace string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.respites[namespace].Left(p.Clock.Now())
}

// looked notes that the Deployments of a namespace were gone through, from begun until now.
func (p *protector) looked(namespace string, begun time.Time) {
	now := p.Clock.Now()
	next := respite.Earned(begun, now)
	p.mu.Lock()
	defer p.mu.Unlock()
	if next.Left(now) > 0 {
		p.respites[namespace] = next
	} else {
		delete(p.respites, namespace)
	}
}

// search finds the namespaces that have protected ConfigMaps.
func (p *protector) search(ctx context.Context) (ctrl.Result, error) {
	may, err := p.may(ctx)
	if err != nil || !may {
		return ctrl.Result{RequeueAfter: rightPace}, err
	}
	found := map[string]bool{}
	if err := p.eachConfigMap(ctx, metav1.NamespaceAll, func(m metav1.ObjectMeta) {
		if slices.Contains(m.Finalizers, v1alpha1.ProtectFinalizer) {
			found[m.Namespace] = true
		}
	}); err != nil {
		return ctrl.Result{}, err
	}
	for namespace := range found {
		p.note(namespace, true)
		p.wake(namespace)
	}
	return ctrl.Result{RequeueAfter: searchPace}, nil
}

// lookAfter puts the finalizer on the ConfigMaps of a namespace that need it, and takes it off the others.
func (p *protector) lookAfter(ctx context.Context, namespace string) (ctrl.Result, error) {
	ns := namespaceKind()
	if err := p.Cached.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		if apierrors.IsNotFound(err) {
			p.note(namespace, false)
			p.forgetTold(namespace)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	ending := ns.DeletionTimestamp != nil
	begun := p.Clock.Now()
	asking, err := p.asking(ctx, namespace)
	p.looked(namespace, begun)
	if err != nil && !ending {
		return ctrl.Result{}, err
	}
	if !ending && len(asking) == 0 && !p.isKnown(namespace) {
		p.forgetTold(namespace)
		return ctrl.Result{}, nil
	}
	may, err := p.may(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !may {
		for _, c := range asking {
			p.tellNoRight(c)
		}
		if p.isKnown(namespace) {
			ctrl.LoggerFrom(ctx).Info("Holdfast may change ConfigMaps no more, and its finalizer stays on some of them")
		}
		return ctrl.Result{RequeueAfter: rightPace}, nil
	}
	return p.protect(ctx, namespace, ending)
}

// asking are the Deployments that hold an update, or had one rejected, and whose plans ask for protection, as
// far as the cache knows.
func (p *protector) asking(ctx context.Context, namespace string) ([]candidate, error) {
	cached, err := p.cachedDeployments(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var out []candidate
	plans := p.Plans(namespace)
	for i := range cached {
		d := &cached[i]
		if !concerns(d) || d.GetDeletionTimestamp() != nil {
			continue
		}
		c := candidate{Keeper: surround.Keeper{Name: d.GetName()}, object: d}
		if err := c.ask(ctx, plans); err != nil {
			return nil, err
		}
		if c.Asks {
			out = append(out, c)
		}
	}
	return out, nil
}

// protect does what is to be done in a namespace.
func (p *protector) protect(ctx context.Context, namespace string, ending bool) (ctrl.Result, error) {
	// First the ConfigMaps: one that is deleted by then was pruned after its update was held, so the Deployment
	// that is read after it says so.
	configMaps, err := p.configMaps(ctx, namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	var all []candidate
	if !ending { // nothing is kept in it, whatever its Deployments need
		if all, err = p.candidates(ctx, namespace); err != nil {
			return ctrl.Result{}, err
		}
	}
	configMaps = configMaps.matter(all)
	keepers, err := p.keepers(ctx, namespace, all, configMaps)
	if err != nil {
		return ctrl.Result{}, err
	}
	todo := surround.Protect(ending, keepers, configMaps)
	done, err := p.apply(ctx, namespace, todo, all)
	left := len(configMaps.protected()) + done.on - done.off
	p.tellHeld(all, append(configMaps.protected(), done.protected...))
	p.note(namespace, left > 0 || err != nil)
	switch {
	case err != nil:
		return ctrl.Result{}, err
	case done.stale:
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case slices.ContainsFunc(keepers, func(k surround.Keeper) bool { return k.Held && k.Asks }),
		slices.ContainsFunc(configMaps, func(c surround.KnownConfigMap) bool { return c.Fresh }):
		return ctrl.Result{RequeueAfter: heldPace}, nil
	case left > 0:
		return ctrl.Result{RequeueAfter: keptPace}, nil
	}
	p.forgetTold(namespace)
	return ctrl.Result{}, nil
}

// keepers are the Deployments for which ConfigMaps may have to be kept.
func (p *protector) keepers(ctx context.Context, namespace string, all []candidate, configMaps knownConfigMaps) ([]surround.Keeper, error) {
	plans := p.Plans(namespace)
	protected := configMaps.protected()
	var out []surround.Keeper
	for i := range all {
		c := &all[i]
		named := slices.ContainsFunc(c.Names, func(name string) bool { return slices.Contains(protected, name) })
		if !c.Held && !c.Rejected && !named && (!c.rolling || len(protected) == 0) {
			continue
		}
		if err := p.keeper(ctx, c, plans); err != nil {
			return nil, err
		}
		out = append(out, c.Keeper)
	}
	return out, nil
}
