package measure

import (
	"context"
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// rendered is a query as it is sent.
type rendered struct {
	text string
	// values are what its placeholders stand for.
	values query.Values
	// back is how far each value of it looks back, as far as placeholders say.
	back time.Duration
	// warmUp is how long the canary must have been Ready before it is asked.
	warmUp time.Duration
	// comparison are the queries of one, nil for other metrics.
	comparison *comparison
	// beyond asks whether a quantile lies beyond its buckets, "" where that is no matter.
	beyond string
}

// render is the query of a metric; without text if it has none.
func (r *round) render(ctx context.Context, metric v1alpha1.Metric) (rendered, error) {
	if metric.Compare != nil {
		return r.renderComparison(ctx, metric)
	}
	template, err := r.queries.template(metric, r.endpoint.Labels.Pod)
	if err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.String() == "" {
		return rendered{}, nil
	}
	if r.unknown != nil {
		return rendered{}, r.unknown
	}
	values := r.values()
	if template.Uses(query.Stable) {
		if err := r.addStable(ctx, &values); err != nil {
			return rendered{}, err
		}
	}
	if template.Uses(query.Service) {
		if values.Service, err = r.serviceName(ctx); err != nil {
			return rendered{}, err
		}
	}
	values.Window = query.WindowOf(metric, r.interval)
	out, err := r.queries.render(metric, template, values, r.endpoint.ScrapeInterval)
	if err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	values.Window = windowAt(values)
	out.values = values
	return out, nil
}

// windowAt is what {{window}} is cut to, whosever pods it is asked of.
func windowAt(values query.Values) time.Duration { return min(values.Window, values.Age) }

// renderQuery renders the query of a metric, with the window as it is meant.
func renderQuery(metric v1alpha1.Metric, template query.Template, values query.Values, scrape time.Duration) (rendered, error) {
	out := rendered{warmUp: warmUp(metric, template, values, scrape)}
	values.Window = windowAt(values)
	if template.Uses(query.Window) {
		out.back = values.Window
	}
	if template.Uses(query.Interval) {
		out.back = max(out.back, values.Interval)
	}
	var err error
	if out.text, err = template.Render(values); err != nil {
		return rendered{}, err
	}
	if metric.Query != "" && metric.Range.Max != nil {
		out.beyond = query.BeyondBuckets(out.text)
	}
	return out, nil
}

// warmUp is how long the canary must have been Ready before a query is asked, its
// windows being as they are meant. {{window}} is cut to the canary's age wherever it
// stands: four scrapes of it are enough. So they are for all of a built-in query,
// which looks back over {{window}} and no farther, by an offset too.
func warmUp(metric v1alpha1.Metric, template query.Template, values query.Values, scrape time.Duration) time.Duration {
	enough := min(values.Window, max(4*scrape, time.Second))
	if metric.Expect != "" {
		values.Window = enough
	}
	out := template.WarmUp(values, scrape)
	if template.Uses(query.Window) {
		out = max(out, enough)
	}
	return out
}
