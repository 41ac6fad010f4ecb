// Package remedy adds to the refusals of an API server what helps against them.
//
// It is pure.
package remedy

import (
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// denied is how RBAC refuses: `User "jane" cannot patch resource "canaryruns" in API group "holdfast.dev" in
// the namespace "shop"`. Policies and webhooks refuse in words of their own, which say what to do.
var denied = regexp.MustCompile(`cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)

// Roles are the roles that the docs name, by resource: whoever has one may use the commands that need it.
var roles = map[string]string{
	"canaryruns": "canary-promote",
}

// Explain is an error of an API server with its remedy, where there is one.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	if apierrors.IsForbidden(err) {
		if right := denied.FindStringSubmatch(err.Error()); right != nil {
			return fmt.Errorf("%w\n%s", err, missing(right[1], right[2], right[3], right[4]))
		}
	}
	if apierrors.IsNotFound(err) && strings.Contains(err.Error(), "could not find the requested resource") {
		return fmt.Errorf("%w: is Holdfast installed in this cluster? (kubectl get crd canaryruns.holdfast.dev)", err)
	}
	return err
}

// missing names the right that is missing, and how it is given.
func missing(verb, resource, group, namespace string) string {
	full, where, scope := resource, "", "clusterrole"
	if group != "" {
		full += "." + group
	}
	name := roles[resource]
	if name == "" {
		name = "canary-" + verb
	}
	if namespace != "" {
		where, scope = " -n "+namespace, "role"
	}
	verbs := verb
	if resource == "canaryruns" && verb != "bypass" {
		verbs = "get,list,watch"
		if verb == "patch" || verb == "update" {
			verbs += ",update,patch"
		} else {
			name = "canary-view"
		}
	}
	return fmt.Sprintf("You lack the verb %q on %s%s. Whoever gives rights there can give it by\n"+
		"  kubectl create %s %s%s --verb=%s --resource=%s\n"+
		"and a binding of it to you; see docs/how-to/kubectl-plugin.md, \"Who may what\".",
		verb, full, inNamespace(namespace), scope, name, where, verbs, full)
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return " in the whole cluster"
	}
	return " in namespace " + namespace
}
