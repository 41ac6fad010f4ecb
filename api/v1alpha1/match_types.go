package v1alpha1

import (
	"regexp"
	"strings"
)

// RequestMatch says which requests go to the canary whatever share it has of the others: those that have
// all of the headers, and the cookie.
//
// +kubebuilder:validation:XValidation:rule="has(self.headers) || has(self.cookie)",message="needs headers or a cookie, or it would match all requests"
// +kubebuilder:validation:XValidation:rule="!has(self.cookie) || !has(self.headers) || self.headers.all(h, h.name.lowerAscii() != 'cookie')",message="cookie is asked for by the header Cookie, and a route asks for a header once: have one of both"
type RequestMatch struct {
	// headers that a request must have, all of them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Headers []HeaderMatch `json:"headers,omitempty"`

	// cookie that a request must have. Routes know no cookies: it becomes a regular expression for the
	// header Cookie, which not every gateway takes (see type of headers).
	// +optional
	Cookie *CookieMatch `json:"cookie,omitempty"`
}

// HeaderMatch is what a header of a request must be.
type HeaderMatch struct {
	// name of the header, in any case.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$`
	Name string `json:"name"`

	// type is how value is meant. Exact: the header has this value, which every gateway can tell.
	// RegularExpression: it matches, which gateways need not support, and do each in a way of its own:
	// whether the whole value must match, and what may be in an expression, its documentation says.
	// +optional
	// +kubebuilder:default=Exact
	Type HeaderMatchType `json:"type,omitempty"`

	// value that the header must have.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Value string `json:"value"`
}

// HeaderMatchType is how the value of a header is meant.
//
// +kubebuilder:validation:Enum=Exact;RegularExpression
type HeaderMatchType string

// How the value of a header can be meant.
const (
	HeaderExact             HeaderMatchType = "Exact"
	HeaderRegularExpression HeaderMatchType = "RegularExpression"
)

// CookieMatch is a cookie that a request must have.
type CookieMatch struct {
	// name of the cookie.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$`
	Name string `json:"name"`

	// value that it must have.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[!#-+\--:<-\[\]-~]+$`
	Value string `json:"value"`
}

// CookieHeader is the header by which cookies are sent.
const CookieHeader = "Cookie"

// AllHeaders are the headers that a route must ask for, the cookie among them; none where there is no match.
func (m *RequestMatch) AllHeaders() []HeaderMatch {
	if m == nil {
		return nil
	}
	var out []HeaderMatch
	for _, h := range m.Headers {
		if h.Type == "" {
			h.Type = HeaderExact
		}
		out = append(out, h)
	}
	if c := m.Cookie; c != nil {
		// It says the same where the whole value must match and where a part of it may.
		out = append(out, HeaderMatch{Name: CookieHeader, Type: HeaderRegularExpression,
			Value: "^(.*; *)?" + regexp.QuoteMeta(c.Name+"="+c.Value) + "( *;.*)?$"})
	}
	return out
}

// IsPortable says whether every gateway can tell which requests match.
func (m *RequestMatch) IsPortable() bool {
	for _, h := range m.AllHeaders() {
		if h.Type != HeaderExact {
			return false
		}
	}
	return true
}

// SameName says whether two headers are one.
func (h HeaderMatch) SameName(other HeaderMatch) bool { return strings.EqualFold(h.Name, other.Name) }

// setDefaults is for a match in a plan that never passes through the API server.
func (m *RequestMatch) setDefaults() {
	if m == nil {
		return
	}
	for i := range m.Headers {
		setDefaultText(&m.Headers[i].Type, HeaderExact)
	}
}
