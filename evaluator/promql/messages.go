package promql

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"holdfast.dev/holdfast/internal/plaintext"
)

// What a server says beside its values is shown to those who may read the run.
// It is shown where it stands in the form of Prometheus's API only, and so much
// of it: an endpoint that turns out to be another server, or one that is not
// well, must not speak through Holdfast.
const (
	maxSaid    = 300 // bytes of an error, a warning or a remark
	maxRemarks = 5
)

// errorType is of the form of those of Prometheus's API, such as bad_data, and of
// VictoriaMetrics's, which are HTTP statuses.
var errorType = regexp.MustCompile(`^([a-z_]{1,32}|[45][0-9]{2})$`)

// says is what an answer that is an error says.
func (r reply) says() string {
	if !errorType.MatchString(r.ErrorType) {
		return "an error of a kind that Prometheus does not have"
	}
	return plaintext.Line(fmt.Sprintf("%s: %s", r.ErrorType, r.Error), maxSaid)
}

// ofInfos is what a remark of Prometheus's engine begins with that takes nothing from its answer.
const ofInfos = "PromQL info: "

// fit cuts what is said beside an answer to what can be shown, and has the remarks apart that Thanos puts
// among the warnings.
func (r reply) fit() reply {
	warnings, infos := []string(nil), slices.Clone(r.Infos)
	for _, text := range r.Warnings {
		if strings.HasPrefix(text, ofInfos) {
			infos = append(infos, text)
		} else {
			warnings = append(warnings, text)
		}
	}
	r.Warnings, r.Infos = remarks(warnings), remarks(infos)
	return r
}

func remarks(all []string) []string {
	var out []string
	for _, text := range all[:min(len(all), maxRemarks)] {
		out = append(out, plaintext.Line(text, maxSaid))
	}
	if more := len(all) - maxRemarks; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return out
}

var (
	errNoSample = errors.New("a sample is no pair of time and value")
	errNoNumber = errors.New("the value of a sample is no number")
	errNoTime   = errors.New("the time of a sample is out of reach")
	errNoList   = errors.New("the series are no list")
)

// unreadable says where an answer is wrong, and not what stands there.
func unreadable(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, errNoSample), errors.Is(err, errNoNumber), errors.Is(err, errNoTime), errors.Is(err, errNoList):
		return err.Error()
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON, or ends early (byte %d)", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("it is not of the form of Prometheus's API (byte %d)", kind.Offset)
	}
	return "it is not of the form of Prometheus's API"
}
