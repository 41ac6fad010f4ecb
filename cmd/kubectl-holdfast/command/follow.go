package command

import (
	"context"
	"errors"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/remedy"
)

// How often is looked anew where nothing tells of changes, and how long after a change that is told.
const (
	lookEvery  = time.Second
	settleTime = 100 * time.Millisecond
)

// follow looks at once, whenever a run of the namespace changes, and every so often, until look says that it
// is done or the context ends. What passes by itself (an API server that restarts) is waited for, but at the
// first look.
func (c *cluster) follow(ctx context.Context, every time.Duration, look func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan struct{}, 1)
	go c.watch(ctx, news)
	for first := true; ; first = false {
		done, err := look(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done || err != nil && (first || !passes(err)) {
			return err
		}
		wait := time.NewTimer(every)
		select {
		case <-ctx.Done():
		case <-wait.C:
		case <-news:
			sleep(ctx, settleTime)
		}
		wait.Stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// watch tells of changes of runs, as far as its user may watch them.
func (c *cluster) watch(ctx context.Context, news chan<- struct{}) {
	for ctx.Err() == nil {
		if w, err := c.in(runs).Watch(ctx, metav1.ListOptions{}); err == nil {
			for range w.ResultChan() {
				select {
				case news <- struct{}{}:
				default:
				}
			}
			w.Stop()
		}
		sleep(ctx, lookEvery)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// passes says whether an error is likely to pass by itself: the API server is not reached, or has too much to
// do.
func passes(err error) bool {
	var unreached *url.Error
	return errors.As(err, &unreached) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) || apierrors.IsInternalError(err)
}

// interrupted says whether a command ended because its user wants it to.
func interrupted(ctx context.Context, err error) bool {
	return err != nil && errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled)
}

// hidden is why something could not be read that one can do without.
func hidden(err error) string {
	if err == nil {
		return ""
	}
	return remedy.Explain(err).Error()
}
