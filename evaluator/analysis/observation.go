package analysis

// Observation is the answer to one query.
//
// Its zero value is an answer without series, which never releases.
type Observation struct {
	// Query is the query as it was sent.
	Query string
	// Series are the values found, one for a scalar.
	Series []Series
	// WrongType is set where the answer is of a type that has no single values
	// to judge, and says which.
	WrongType string
	// Error is set where no answer came, and says why.
	Error string
	// Warnings are what Prometheus warned of beside its answer.
	Warnings []string
}

// Series is one value and the labels it has, as PromQL writes them; a scalar
// has none.
type Series struct {
	Labels string
	Value  float64
}
