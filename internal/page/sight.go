package page

import (
	"context"
	"errors"
)

// maySee asks once for each namespace, until it is asked anew.
func (f *flow) maySee(ctx context.Context, namespace string) (bool, error) {
	if sees, known := f.sees[namespace]; known {
		return sees, nil
	}
	sees, err := f.v.Sees(ctx, namespace)
	if err == nil {
		f.sees[namespace] = sees
	}
	return sees, err
}

// check asks anew who the person is and what they may see. What cannot be found out stays as it was, for a
// while.
func (f *flow) check(ctx context.Context, w *watcher) error {
	switch err := f.askAnew(ctx, w); {
	case err == nil:
		f.unsure = 0
	case !errors.Is(err, ErrBusy):
		return err
	default:
		if f.unsure++; f.unsure >= mostUnsure {
			return err
		}
	}
	return f.tell(ctx, w)
}

func (f *flow) askAnew(ctx context.Context, w *watcher) error {
	v, err := f.enter(ctx, f.r)
	if err != nil {
		return err
	}
	f.v = v
	var unsure error
	for namespace, saw := range f.sees {
		sees, err := v.Sees(ctx, namespace)
		if err != nil {
			unsure = err
		}
		if err != nil || sees == saw {
			continue
		}
		f.sees[namespace] = sees
		var keys []string
		for _, key := range f.Board.keys() {
			if namespaceOf(key) == namespace {
				keys = append(keys, key)
			}
		}
		if !sees {
			if err := f.send("news", "", news{Gone: keys}); err != nil {
				return err
			}
			continue
		}
		w.again(keys)
	}
	return unsure
}
