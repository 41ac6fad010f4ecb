package outbound

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/plaintext"
)

// Hosts are the servers that tenants may have Holdfast ask by a URL of theirs. Each is a host name or an IP
// address, with :PORT where that is another than the scheme's, or :* for any; a name that begins with *. is
// for all below it, and {{namespace}} stands for the namespace of who names the URL. Where a name leads to is
// looked at with each connection (see MayDial).
type Hosts []string

const namespacePlaceholder = "{{namespace}}"

var hostPattern = regexp.MustCompile(`^(\*\.)?([a-zA-Z0-9]|\{\{namespace\}\})([-a-zA-Z0-9._]|\{\{namespace\}\})*\.?(:([0-9]{1,5}|\*))?$|^\[[0-9a-fA-F:.]+\](:([0-9]{1,5}|\*))?$`)

// ValidateHosts checks a list of hosts.
func ValidateHosts(list []string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, text := range list {
		if !hostPattern.MatchString(text) {
			errs = append(errs, field.Invalid(at.Index(i), plaintext.Cut(text, 80),
				`must be a host, such as gate.example.com, loadtester.test.svc:8080, *.{{namespace}}.svc or [2001:db8::1]:*`))
		}
	}
	return errs
}

// Allow says whether a tenant of a namespace may name a URL.
func (h Hosts) Allow(address, namespace string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return false
	}
	host, port := plainHost(u.Hostname()), u.Port()
	if port == "" {
		port = schemePort(u.Scheme)
	}
	return slices.ContainsFunc(h, func(pattern string) bool {
		name, wantedPort := splitPort(strings.ReplaceAll(pattern, namespacePlaceholder, namespace))
		if wantedPort == "" {
			wantedPort = schemePort(u.Scheme)
		}
		return (wantedPort == "*" || wantedPort == port) && isHost(host, plainHost(name))
	})
}

// isHost says whether a host is that of a pattern.
func isHost(host, pattern string) bool {
	above, isWild := strings.CutPrefix(pattern, "*.")
	if !isWild {
		return host == pattern
	}
	below, found := strings.CutSuffix(host, "."+above)
	return found && below != "" && net.ParseIP(host) == nil
}

// plainHost is a host as it is compared.
func plainHost(host string) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func splitPort(pattern string) (host, port string) {
	colon := strings.LastIndex(pattern, ":")
	if colon < 0 || colon < strings.LastIndex(pattern, "]") {
		return pattern, ""
	}
	return pattern[:colon], pattern[colon+1:]
}

func schemePort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}
