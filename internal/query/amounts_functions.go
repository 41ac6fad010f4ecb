package query

// effect is what a shorter window makes of a value, on average.
type effect int

const (
	// varies: another value, in no proportion. It is the zero value, for what is not known.
	varies effect = iota
	// stays: the same value.
	stays
	// grows: an amount, in proportion to the window.
	grows
)

// overWindow is the effect of the window on every function of a range.
var overWindow = map[string]effect{
	// What happens in a time, divided by the time: the slope is the same in a shorter one.
	"rate": stays, "deriv": stays,
	// The last samples, whatever lies before them.
	"irate": stays, "idelta": stays, "last_over_time": stays, "ts_of_last_over_time": stays,
	// A mean, the spread around it, a quantile: fewer samples of the same values.
	"avg_over_time": stays, "quantile_over_time": stays, "stddev_over_time": stays, "stdvar_over_time": stays, "mad_over_time": stays,
	// Smoothed to where the values are now.
	"double_exponential_smoothing": stays,
	// Whether there is anything: nothing is left out but what was before Ready.
	"present_over_time": stays, "absent_over_time": stays,

	// Sums over the window: of increments, of differences, of samples, of how many there are.
	"increase": grows, "delta": grows, "sum_over_time": grows, "count_over_time": grows, "changes": grows, "resets": grows,

	// Extremes: what must be reached once, or never, in ten minutes may be so in the eleventh.
	"max_over_time": varies, "min_over_time": varies, "ts_of_max_over_time": varies, "ts_of_min_over_time": varies,
	// The other end of the window.
	"first_over_time": varies, "ts_of_first_over_time": varies,
	// A slope that is drawn out far: that of the first minute leads anywhere.
	"predict_linear": varies,
}

// ofAmount is what becomes of an amount in every function of a vector or a scalar: it
// grows as before, or stays, or varies. Of what stays all of them make what stays.
var ofAmount = map[string]effect{
	// The same number, or in proportion to it.
	"abs": grows, "deg": grows, "rad": grows, "scalar": grows, "vector": grows, "histogram_count": grows, "histogram_sum": grows,
	// The same numbers, ordered or labelled otherwise.
	"sort": grows, "sort_desc": grows, "sort_by_label": grows, "sort_by_label_desc": grows, "label_replace": grows, "label_join": grows, "info": grows,

	// Shares and averages of what is in the buckets.
	"histogram_quantile": stays, "histogram_quantiles": stays, "histogram_fraction": stays, "histogram_avg": stays, "histogram_stddev": stays, "histogram_stdvar": stays,
	// Whether there is anything, and since when.
	"absent": stays, "timestamp": stays, "start_timestamp": stays,
	// Of no amount.
	"time": stays, "pi": stays, "start": stays, "end": stays, "range": stays, "step": stays,

	// Bounds and steps that do not grow with the amount.
	"clamp": varies, "clamp_max": varies, "clamp_min": varies, "ceil": varies, "floor": varies, "round": varies, "sgn": varies, "max_of": varies, "min_of": varies,
	// Curves.
	"exp": varies, "ln": varies, "log2": varies, "log10": varies, "sqrt": varies,
	"acos": varies, "acosh": varies, "asin": varies, "asinh": varies, "atan": varies, "atanh": varies, "cos": varies, "cosh": varies, "sin": varies, "sinh": varies, "tan": varies, "tanh": varies,
	// Times, which an amount is none of.
	"day_of_month": varies, "day_of_week": varies, "day_of_year": varies, "days_in_month": varies, "hour": varies, "minute": varies, "month": varies, "year": varies,
}
