package preset

import (
	"regexp"
	"slices"
	"strings"
)

// RequestOutcome is how a request ended.
type RequestOutcome int

// The outcomes.
const (
	// Untold: no label of the series says it, or not in a form that is known. A
	// request is never taken for a success because nobody can read how it ended.
	Untold RequestOutcome = iota
	// Succeeded: it is not the server's fault if it was in vain.
	Succeeded
	// Failed: the server did not do what it is there for.
	Failed
)

// StatusLabels are the labels that say how a request ended, the most telling first.
func (r Question) StatusLabels() []string {
	s := sources[r.Source]
	out := make([]string, 0, len(s.statuses))
	for _, status := range s.statuses {
		out = append(out, status.label)
	}
	if r.StatusLabel != "" && len(out) > 0 {
		out[0] = r.StatusLabel
	}
	return out
}

// Outcome is that of the requests which a series with these labels counts. A
// failure by any label is one; else what cannot be read makes it Untold, however
// good it looks by another label. A label that is empty or not there says nothing.
func (r Question) Outcome(labels map[string]string) RequestOutcome {
	succeeded, unreadable := false, false
	for i, label := range r.StatusLabels() {
		value := labels[label]
		if value == "" {
			continue
		}
		switch sources[r.Source].statuses[i].read(label, value) {
		case Failed:
			return Failed
		case Succeeded:
			succeeded = true
		case Untold:
			unreadable = true
		}
	}
	if succeeded && !unreadable {
		return Succeeded
	}
	return Untold
}

// status is a label that says how a request ended.
type status struct {
	label string
	// read tells it by the label's value, which is not empty.
	read func(label, value string) RequestOutcome
}

// httpStatus is a status of HTTP by its number or class, and the phrase that some
// write behind it: "503", "5xx", "503 Service Unavailable".
var httpStatus = regexp.MustCompile(`^([1-5])(?:[0-9]{2}|[xX]{2})(?: .*)?$`)

func byHTTP(_, value string) RequestOutcome {
	switch found := httpStatus.FindStringSubmatch(value); {
	case found == nil:
		return Untold
	case found[1] == "5":
		return Failed
	}
	return Succeeded
}

// grpcCodes are those of gRPC in order of their numbers; those of grpcFaults are
// the server's fault (grpc.io/docs/guides/status-codes).
var (
	grpcCodes = []string{
		"ok", "canceled", "unknown", "invalidargument", "deadlineexceeded", "notfound", "alreadyexists", "permissiondenied",
		"resourceexhausted", "failedprecondition", "aborted", "outofrange", "unimplemented", "internal", "unavailable", "dataloss", "unauthenticated",
	}
	grpcFaults  = []int{2, 4, 12, 13, 14, 15}
	grpcNumbers = regexp.MustCompile(`^(?:[0-9]|1[0-6])$`)
)

// byGRPCName reads "Unavailable", "UNAVAILABLE" and "DEADLINE_EXCEEDED".
func byGRPCName(_, value string) RequestOutcome {
	name := strings.ReplaceAll(strings.ToLower(value), "_", "")
	if name == "cancelled" {
		name = "canceled"
	}
	return grpc(slices.Index(grpcCodes, name))
}

func byGRPCNumber(_, value string) RequestOutcome {
	if !grpcNumbers.MatchString(value) {
		return Untold
	}
	number := 0
	for _, digit := range value {
		number = 10*number + int(digit-'0')
	}
	return grpc(number)
}

func grpc(code int) RequestOutcome {
	switch {
	case code < 0:
		return Untold
	case slices.Contains(grpcFaults, code):
		return Failed
	}
	return Succeeded
}

// byAny reads what applications write: a status of HTTP, a name of gRPC, and its
// number where the label's name says that it is gRPC's. Elsewhere a 0 may as well be
// a status that was never set.
func byAny(label, value string) RequestOutcome {
	if outcome := byHTTP(label, value); outcome != Untold {
		return outcome
	}
	if strings.Contains(strings.ToLower(label), "grpc") {
		if outcome := byGRPCNumber(label, value); outcome != Untold {
			return outcome
		}
	}
	return byGRPCName(label, value)
}

// words reads a fixed vocabulary.
func words(succeeded, failed []string) func(string, string) RequestOutcome {
	return func(_, value string) RequestOutcome {
		switch {
		case slices.Contains(failed, value):
			return Failed
		case slices.Contains(succeeded, value):
			return Succeeded
		}
		return Untold
	}
}
