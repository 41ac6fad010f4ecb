package outbound

import (
	"maps"
	"net/textproto"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/plaintext"
)

var headerName = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")

// ownHeaders are set by Holdfast or its HTTP client.
var ownHeaders = []string{
	"Authorization", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Accept-Encoding", "Connection", "Transfer-Encoding",
	"Te", "Trailer", "Upgrade", "Proxy-Authorization",
}

// ValidateTarget checks all of a target but its URL, which may come from elsewhere.
func (t *Target) ValidateTarget(at *field.Path) field.ErrorList {
	errs := t.validateAuth(at.Child("auth"))
	errs = append(errs, t.validateTLS(at.Child("tls"))...)
	errs = append(errs, validateHeaders(t.Headers, at.Child("headers"))...)
	errs = append(errs, ValidateAddresses(t.AllowAddresses, at.Child("allowAddresses"))...)
	return append(errs, ValidateAddresses(t.DenyAddresses, at.Child("denyAddresses"))...)
}

// ValidateURL checks a URL that is to be like an example. Values in mistakes have no password.
func ValidateURL(address string, at *field.Path, example string) field.ErrorList {
	form := "must be like " + example
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

func (t *Target) validateAuth(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	a := t.Auth
	if a.BearerTokenFile != "" && a.Basic != nil {
		errs = append(errs, field.Forbidden(at, "name bearerTokenFile or basic, not both: there is one Authorization header"))
	}
	errs = append(errs, ValidateFile(a.BearerTokenFile, at.Child("bearerTokenFile"))...)
	if a.Basic == nil {
		return errs
	}
	if a.Basic.Username == "" || strings.ContainsAny(a.Basic.Username, ":\r\n") {
		errs = append(errs, field.Invalid(at.Child("basic", "username"), plaintext.Cut(a.Basic.Username, 80), `must be there, without ":"`))
	}
	if a.Basic.PasswordFile == "" {
		errs = append(errs, field.Required(at.Child("basic", "passwordFile"), "the file with the password, for example of a mounted Secret"))
	}
	return append(errs, ValidateFile(a.Basic.PasswordFile, at.Child("basic", "passwordFile"))...)
}

func (t *Target) validateTLS(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if t.TLS != (TLS{}) && strings.HasPrefix(strings.ToLower(t.URL), "http://") {
		errs = append(errs, field.Forbidden(at, "is for URLs with https"))
	}
	if (t.TLS.CertFile == "") != (t.TLS.KeyFile == "") {
		errs = append(errs, field.Required(at, "certFile and keyFile belong together; name both or none"))
	}
	for _, f := range []struct{ key, name string }{{"caFile", t.TLS.CAFile}, {"certFile", t.TLS.CertFile}, {"keyFile", t.TLS.KeyFile}} {
		errs = append(errs, ValidateFile(f.name, at.Child(f.key))...)
	}
	return errs
}

// ValidateFile checks the name of a file, where one is given.
func ValidateFile(name string, at *field.Path) field.ErrorList {
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
