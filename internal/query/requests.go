package query

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// The limits of a match, those of CanaryPlan.
const (
	maxHeaders     = 8
	maxHeaderName  = 256
	maxHeaderValue = 1024
	maxCookieValue = 256
)

var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+\\-.^_`|~]+$")
	cookieValue = regexp.MustCompile(`^[!#-+\--:<-\[\]-~]+$`)
)

// validateMatch: which requests go to the canary beside its share is said in a way that a route can.
func validateMatch(spec *v1alpha1.CanaryPlanSpec, match *v1alpha1.RequestMatch, at *field.Path) field.ErrorList {
	switch {
	case match == nil:
		return nil
	case spec.TrafficSource() != v1alpha1.TrafficWeighted:
		return field.ErrorList{field.Forbidden(at, "is for traffic.source Weighted; set that, or take it off")}
	case len(match.Headers) == 0 && match.Cookie == nil:
		return field.ErrorList{field.Required(at, "needs headers or a cookie, or it would match all requests")}
	}
	var errs field.ErrorList
	if n := len(match.Headers); n > maxHeaders {
		errs = append(errs, field.TooMany(at.Child("headers"), n, maxHeaders))
	}
	for i, h := range match.Headers {
		at := at.Child("headers").Index(i)
		errs = append(errs, validateName(h.Name, at.Child("name"))...)
		for _, before := range match.Headers[:i] {
			if before.SameName(h) {
				errs = append(errs, field.Duplicate(at.Child("name"), plaintext.Cut(h.Name, 80)))
			}
		}
		if match.Cookie != nil && h.SameName(v1alpha1.HeaderMatch{Name: v1alpha1.CookieHeader}) {
			errs = append(errs, field.Forbidden(at, "cookie is asked for by the header Cookie, and a route asks for a header once: have one of both"))
		}
		if n := len(h.Value); n < 1 || n > maxHeaderValue {
			errs = append(errs, field.Invalid(at.Child("value"), plaintext.Cut(h.Value, 80), fmt.Sprintf("must have 1 to %d characters", maxHeaderValue)))
		}
		switch h.Type {
		case "", v1alpha1.HeaderExact, v1alpha1.HeaderRegularExpression:
		default:
			errs = append(errs, field.NotSupported(at.Child("type"), h.Type, []v1alpha1.HeaderMatchType{v1alpha1.HeaderExact, v1alpha1.HeaderRegularExpression}))
		}
	}
	if c := match.Cookie; c != nil {
		at := at.Child("cookie")
		errs = append(errs, validateName(c.Name, at.Child("name"))...)
		if len(c.Value) > maxCookieValue || !cookieValue.MatchString(c.Value) {
			errs = append(errs, field.Invalid(at.Child("value"), plaintext.Cut(c.Value, 80), fmt.Sprintf("must have 1 to %d characters that a cookie can have: none of space, comma, semicolon, quote and backslash", maxCookieValue)))
		}
	}
	return errs
}

func validateName(name string, at *field.Path) field.ErrorList {
	if len(name) <= maxHeaderName && headerName.MatchString(name) {
		return nil
	}
	return field.ErrorList{field.Invalid(at, plaintext.Cut(name, 80), fmt.Sprintf("must be a name of 1 to %d letters, digits and !#$%%&'*+-.^_`|~", maxHeaderName))}
}

// validateIncrement: what could be made steps is none of a plan with its defaults any more.
func validateIncrement(spec *v1alpha1.CanaryPlanSpec, at *field.Path) field.ErrorList {
	t := spec.Traffic
	switch {
	case t.Increment == nil && t.Maximum == nil:
		return nil
	case !spec.ByRoutes():
		return field.ErrorList{field.Forbidden(at.Child("increment"), "is for traffic.source Weighted or Mirror; set one of these, or take it off")}
	case t.Increment == nil:
		return field.ErrorList{field.Required(at.Child("increment"), "maximum is the weight of the last step; say that of the first too, or take it off")}
	case t.Maximum == nil:
		return field.ErrorList{field.Required(at.Child("maximum"), "increment is the weight of the first step; say that of the last too, or take it off")}
	case t.Weight != nil:
		return field.ErrorList{field.Forbidden(at.Child("weight"), "increment says the weight of each step; take it off, or increment and maximum")}
	case *t.Increment < 1 || *t.Increment > 100:
		return field.ErrorList{field.Invalid(at.Child("increment"), *t.Increment, "must be a percentage from 1 to 100")}
	case *t.Maximum > 100 || *t.Maximum < *t.Increment || *t.Maximum > v1alpha1.MaxSteps**t.Increment:
		return field.ErrorList{field.Invalid(at.Child("maximum"), *t.Maximum, fmt.Sprintf(
			"must be a percentage from increment (%d) to %d times that: a plan has %d steps at most", *t.Increment, v1alpha1.MaxSteps, v1alpha1.MaxSteps))}
	case len(spec.Steps) > 0:
		return field.ErrorList{field.Forbidden(at.Child("increment"), "is short for steps, and the plan has some; take it off, or the steps")}
	}
	return nil
}
