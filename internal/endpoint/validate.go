package endpoint

import (
	"maps"
	"net/textproto"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/plaintext"
)

var (
	endpointName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	labelName    = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	argumentName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.]*(\[\])?$`)
	headerName   = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	pattern      = regexp.MustCompile(`^[-a-z0-9*]+$`)
)

// ownHeaders are set by Holdfast or its HTTP client.
var ownHeaders = []string{
	"Authorization", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Accept-Encoding", "Connection", "Transfer-Encoding",
	"Te", "Trailer", "Upgrade", "Proxy-Authorization",
}

// ownArguments are those of Prometheus's API that Holdfast sets.
var ownArguments = []string{"query", "time", "start", "end", "step", "timeout"}

const (
	maxDelay    = 10 * time.Minute
	minResponse = 1 << 10
	maxResponse = 64 << 20
)

func (e *Endpoint) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case e.Name == "":
		errs = append(errs, field.Required(at.Child("name"), "plans name the endpoint by it"))
	case !endpointName.MatchString(e.Name):
		errs = append(errs, field.Invalid(at.Child("name"), plaintext.Cut(e.Name, 80), `must be 1 to 63 lower-case letters, digits and "-", such as "thanos"`))
	}
	errs = append(errs, ValidateURL(e.URL, at.Child("url"))...)
	for i, name := range e.Namespaces {
		if _, err := path.Match(name, ""); err != nil || !pattern.MatchString(name) {
			errs = append(errs, field.Invalid(at.Child("namespaces").Index(i), plaintext.Cut(name, 80), `must be the name of a namespace, or a pattern such as "team-*"`))
		}
	}
	errs = append(errs, e.validateAuth(at.Child("auth"))...)
	errs = append(errs, e.validateTLS(at.Child("tls"))...)
	errs = append(errs, validateHeaders(e.Headers, at.Child("headers"))...)
	errs = append(errs, validateArguments(e.Arguments, at.Child("arguments"))...)
	for _, label := range []struct{ key, name string }{{"namespace", e.Labels.Namespace}, {"pod", e.Labels.Pod}} {
		if label.name != "" && !labelName.MatchString(label.name) {
			errs = append(errs, field.Invalid(at.Child("labels", label.key), plaintext.Cut(label.name, 80), `must be the name of a label, such as "pod"`))
		}
	}
	errs = append(errs, e.Tenancy.validate(at.Child("tenancy"))...)
	errs = append(errs, ValidateAddresses(e.AllowAddresses, at.Child("allowAddresses"))...)
	errs = append(errs, ValidateAddresses(e.DenyAddresses, at.Child("denyAddresses"))...)
	if d := e.ScrapeInterval.Duration; d < time.Second || d > time.Hour {
		errs = append(errs, field.Invalid(at.Child("scrapeInterval"), d.String(), "must be from 1s to 1h; it is the scrape_interval of the canary's pods"))
	}
	if d := e.Delay.Duration; d < 0 || d > maxDelay {
		errs = append(errs, field.Invalid(at.Child("delay"), d.String(), "must be from 0s to 10m; it is how late samples can be asked for"))
	}
	return append(errs, e.Limits.validate(at.Child("limits"))...)
}

// ValidateURL checks the URL of a Prometheus. Values in mistakes have no password.
func ValidateURL(address string, at *field.Path) field.ErrorList {
	const form = "must be like https://prometheus.monitoring.svc:9090"
	if address == "" {
		return field.ErrorList{field.Required(at, form)}
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "is no URL; "+form)} // it may hold a password
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return field.ErrorList{field.Invalid(at, plaintext.Cut(u.Redacted(), 200), form)}
	case u.User != nil:
		return field.ErrorList{field.Invalid(at, plaintext.Cut(u.Redacted(), 200), "must have no user and password; name them under auth.basic, the password in a file")}
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must end before ? and #; "+form)}
	}
	return nil
}

func (e *Endpoint) validateAuth(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	a := e.Auth
	if a.BearerTokenFile != "" && a.Basic != nil {
		errs = append(errs, field.Forbidden(at, "name bearerTokenFile or basic, not both: there is one Authorization header"))
	}
	errs = append(errs, validateFile(a.BearerTokenFile, at.Child("bearerTokenFile"))...)
	if a.Basic == nil {
		return errs
	}
	if a.Basic.Username == "" || strings.ContainsAny(a.Basic.Username, ":\r\n") {
		errs = append(errs, field.Invalid(at.Child("basic", "username"), plaintext.Cut(a.Basic.Username, 80), `must be there, without ":"`))
	}
	if a.Basic.PasswordFile == "" {
		errs = append(errs, field.Required(at.Child("basic", "passwordFile"), "the file with the password, for example of a mounted Secret"))
	}
	return append(errs, validateFile(a.Basic.PasswordFile, at.Child("basic", "passwordFile"))...)
}

func (e *Endpoint) validateTLS(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if e.TLS != (TLS{}) && strings.HasPrefix(strings.ToLower(e.URL), "http://") {
		errs = append(errs, field.Forbidden(at, "is for URLs with https"))
	}
	if (e.TLS.CertFile == "") != (e.TLS.KeyFile == "") {
		errs = append(errs, field.Required(at, "certFile and keyFile belong together; name both or none"))
	}
	for _, f := range []struct{ key, name string }{{"caFile", e.TLS.CAFile}, {"certFile", e.TLS.CertFile}, {"keyFile", e.TLS.KeyFile}} {
		errs = append(errs, validateFile(f.name, at.Child(f.key))...)
	}
	return errs
}

func validateFile(name string, at *field.Path) field.ErrorList {
	if name == "" || filepath.IsAbs(name) && !strings.ContainsRune(name, 0) {
		return nil
	}
	return field.ErrorList{field.Invalid(at, plaintext.Cut(name, 200), "must be an absolute path, such as /etc/holdfast/prometheus/token")}
}

func validateHeaders(headers map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		key, value := at.Key(plaintext.Cut(name, 80)), headers[name]
		switch {
		case !headerName.MatchString(name):
			errs = append(errs, field.Invalid(key, plaintext.Cut(name, 80), `is no name of a header; it must be like "X-Scope-OrgID"`))
		case slices.Contains(ownHeaders, textproto.CanonicalMIMEHeaderKey(name)):
			errs = append(errs, field.Forbidden(key, "is set by Holdfast; credentials belong under auth"))
		case strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0:
			errs = append(errs, field.Invalid(key, field.OmitValueType{}, "must be one line without control characters"))
		}
	}
	return errs
}

func validateArguments(arguments map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		key := at.Key(plaintext.Cut(name, 80))
		switch {
		case !argumentName.MatchString(name):
			errs = append(errs, field.Invalid(key, plaintext.Cut(name, 80), `is no name of a query argument; it must be like "latency_offset"`))
		case slices.Contains(ownArguments, name):
			errs = append(errs, field.Forbidden(key, "is set by Holdfast; delay has rounds asked for earlier, limits.timeout is for one query"))
		}
	}
	return errs
}

func (l Limits) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if d := l.Timeout.Duration; d < 100*time.Millisecond || d > 5*time.Minute {
		errs = append(errs, field.Invalid(at.Child("timeout"), d.String(), "must be from 100ms to 5m"))
	}
	if l.Concurrency < 1 || l.Concurrency > 1000 {
		errs = append(errs, field.Invalid(at.Child("concurrency"), l.Concurrency, "must be from 1 to 1000"))
	}
	if n := l.MaxResponse.Value(); n < minResponse || n > maxResponse {
		errs = append(errs, field.Invalid(at.Child("maxResponse"), l.MaxResponse.String(), "must be from 1Ki to 64Mi"))
	}
	return errs
}
