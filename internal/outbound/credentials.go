package outbound

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"holdfast.dev/holdfast/internal/plaintext"
)

// Credentials say who Holdfast is where tenants have it ask a URL of theirs. The first that is for a URL
// counts.
type Credentials []Credential

// Credential is for the URLs at a host.
type Credential struct {
	// Host is as one of Hosts. In the clear, by http, nothing is shown unless it begins with http://.
	Host string
	// File has the value of the header Authorization, such as "Bearer abc". {{namespace}} in it stands for the
	// namespace of who names the URL, so that each can have one of its own.
	File string
}

const clear = "http://"

// ParseCredentials reads HOST=FILE for each part.
func ParseCredentials(parts []string) (Credentials, error) {
	var out Credentials
	for _, part := range parts {
		host, file, is := strings.Cut(part, "=")
		if !is {
			return nil, fmt.Errorf("%q must be HOST=FILE, such as gate.example.com=/etc/holdfast/hooks/gate", plaintext.Cut(part, 80))
		}
		if errs := ValidateHosts(Hosts{strings.TrimPrefix(host, clear)}, nil); len(errs) > 0 {
			return nil, errors.New(errs[0].ErrorBody())
		}
		if !filepath.IsAbs(file) {
			return nil, fmt.Errorf("the file of %s is %q; it must be an absolute path", host, plaintext.Cut(file, 80))
		}
		out = append(out, Credential{Host: host, File: file})
	}
	return out, nil
}

// FileFor is the file for a URL that somebody of a namespace names, "" for none.
func (c Credentials) FileFor(address, namespace string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	for _, one := range c {
		host, inClear := strings.CutPrefix(one.Host, clear)
		if (u.Scheme == "https" || inClear) && (Hosts{host}).Allow(address, namespace) {
			return strings.ReplaceAll(one.File, namespacePlaceholder, namespace)
		}
	}
	return ""
}
