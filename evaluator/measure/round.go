package measure

import (
	"context"
	"maps"
	"slices"
	"time"

	"holdfast.dev/holdfast/internal/query"
)

// round is one under way. What a placeholder stands for it finds out when the first
// query uses it.
type round struct {
	queries *Queries
	subject Subject
	lookup  Lookup
	// at is the time that is asked for, as long ago as samples come late; interval is that between two rounds.
	at       time.Time
	interval time.Duration
	// endpoint answers; unknown says why none does.
	endpoint Endpoint
	unknown  error

	// stable are the Deployment's own pods by ReplicaSet, nil while they are not known.
	stable map[string][]string
	// service is the canary's Service, nil while it is not known.
	service *string
}

// age is how long the canary has been Ready at the time that is asked for,
// shortened to one that other runs are likely to have too.
func (r *round) age() time.Duration {
	return align(r.subject.age(r.at), r.interval)
}

// sampledFor is how long there have been samples of the run.
func (r *round) sampledFor() time.Duration {
	if r.endpoint.Since.IsZero() {
		return r.age()
	}
	return r.at.Sub(r.endpoint.Since)
}

// clampWindow keeps a window that ends at a time from reaching back before the
// canary was Ready.
func (r *round) clampWindow(window time.Duration, at time.Time) time.Duration {
	return max(0, min(window, r.subject.age(at)))
}

func (r *round) values() query.Values {
	return query.Values{
		Namespace:  r.subject.Run.Namespace,
		Deployment: r.subject.Deployment,
		Canary:     r.subject.Canary,
		Baseline:   r.subject.Baseline,
		PodNames:   r.subject.PodNames,
		Interval:   r.interval,
		Labels:     r.endpoint.Labels,
		Age:        r.age(),
	}
}

// addStable adds the Deployment's own pods to what placeholders stand for.
func (r *round) addStable(ctx context.Context, values *query.Values) error {
	if r.stable == nil {
		found, err := r.lookup.Stable(ctx)
		if err != nil {
			return err
		}
		r.stable = map[string][]string{}
		maps.Copy(r.stable, found)
	}
	values.Stable, values.PodNames = slices.Sorted(maps.Keys(r.stable)), maps.Clone(r.stable)
	maps.Copy(values.PodNames, r.subject.PodNames)
	return nil
}

// serviceName is the Service that was found when the canary was made, or one
// that came since.
func (r *round) serviceName(ctx context.Context) (string, error) {
	if found := r.subject.Status.Service; found != "" {
		return found, nil
	}
	if r.service == nil {
		name, err := r.lookup.Service(ctx)
		if err != nil {
			return "", err
		}
		r.service = &name
	}
	return *r.service, nil
}
